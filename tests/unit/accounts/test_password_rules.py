"""What a new password may be (contract, section 7)."""

import hashlib

import pytest

from services.accounts import password_rules
from services.accounts.password_rules import check_new_password, common_passwords
from shared.errors import ValidationFailed

NAME, EMAIL = "Jane Mary Doe", "jane.doe@builders.example"
COMMON = "Is too common. Choose one that nobody else would think of."
OWN = "Must not be made of your name or email address."
LENGTH = "Must have 12 to 1024 characters."


def reason_against(password: str) -> str | None:
    try:
        check_new_password("password", password, NAME, EMAIL)
    except ValidationFailed as refused:
        errors: dict[str, list[str]] = refused.details["errors"]
        [reason] = errors.pop("password")
        assert not errors
        return reason
    return None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "Tr0ub4dor&3-at-sea",
        "a long summer in Perth",
        "žluťoučký kůň",
        "x8Kq-02mvTz#",
        "aqua dragon 19",
        "dragon_741852",
        "kqzvxkqzvxkq",
        "1234567a1234567890b!",
        "ab" * 3 + "cde" + "xyz",
        "q7" * 510 + "xz#K",
    ],
)
def test_good_ones(password: str) -> None:
    assert reason_against(password) is None


@pytest.mark.parametrize(("password", "length"), [("x8Kq-02mvTz", 11), ("abcde" * 205, 1025), ("", 0)])
def test_too_short_or_too_long(password: str, length: int) -> None:
    assert len(password) == length
    assert reason_against(password) == LENGTH


@pytest.mark.parametrize("password", ["aaaaaaaaaaaa", "AaAabBbBcCcCdDdD", "121212121213"])
def test_too_few_different_characters(password: str) -> None:
    assert reason_against(password) == "Must have at least 5 different characters."


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc",
        "1QAZ2WSX3EDC",
        "leavemealone",
        "Password2026!",
        "2026-welcome",
        "__dragon_741",
        "sunshinesunshine",
        "Monkey7!Monkey7!",
        "baseballbaseball99",
        "123456789012",
    ],
)
def test_common_ones_however_they_are_dressed_up(password: str) -> None:
    assert reason_against(password) == COMMON


@pytest.mark.parametrize(
    "password",
    [
        "Jane Mary Doe",
        "jane.doe@builders.example",
        "JANE_DOE_2026",
        "jane-mary-doe!",
        "doemaryjane12",
        "JaneMaryDoe12",
        "Builders.Example",
    ],
)
def test_own_name_and_address(password: str) -> None:
    assert reason_against(password) == OWN


def test_an_address_with_two_signs() -> None:
    with pytest.raises(ValidationFailed):
        check_new_password("password", "home-office-1", NAME, '"home@office"@builders.example')


def test_the_name_of_the_product() -> None:
    assert reason_against("Muster-20267") == OWN


def test_the_list_is_the_one_that_was_taken_over() -> None:
    _, _, listed = password_rules._COMMON.read_text(encoding="utf-8").partition("\n\n")
    assert hashlib.sha256(listed.encode()).hexdigest() == (
        "71fd773cdb922fa30396813d8579b2104187721f167ac3250b93adab67e7ede0"
    )
    known = common_passwords()
    assert sum(len(each) >= password_rules.MIN_PASSWORD for each in known) == 10_000
    assert len(known) == 19_976
    assert not any(each != each.lower() or each != each.strip() for each in known)
