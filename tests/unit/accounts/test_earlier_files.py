"""Files of the version before: what is taken over, and how a broken one is refused."""

import json
from typing import Any

import pytest

from services.accounts.earlier_files import FileBroken, read_keys, read_users
from shared.auth.jwk import new_private_keys

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA"


def user(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "organisation_id": 1,
        "name": "Ada",
        "email": f"user{number}@example.com",
        "role": "Admin",
        "password_hash": HASH,
        "created_at": "2026-01-01T00:00:00Z",
        **changes,
    }


def jwk(**changes: Any) -> dict[str, Any]:
    [made] = json.loads(new_private_keys())["keys"]
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def test_users_are_read_with_all_they_have() -> None:
    coordinator = user(2, role="Contractor Coordinator", company_ids=[77, 78])
    [first, second] = read_users(json.dumps([user(1, employee_id=42), coordinator]))
    assert (first.id, first.email, first.employee_id, first.password_hash) == (1, "user1@example.com", 42, HASH)
    assert (second.company_ids, second.role) == ((77, 78), "Contractor Coordinator")
    assert second.created_at.isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([user(1), user(2, email="nobody")], r"entry 2 \(id 2\): email: must be an email address"),
        ([user(1), user(2, role="Boss")], r"entry 2 \(id 2\): role: "),
        ([user(1, id=0)], r"entry 1 \(id 0\): id: "),
        ([user(1, id="one")], "entry 1: id: "),
        ([user(1, password_hash="secret")], r"entry 1 \(id 1\): password_hash: "),
        ([user(1, created_at="2026-01-01")], r"entry 1 \(id 1\): created_at: "),
        ([user(1, nickname="A")], r"entry 1 \(id 1\): nickname: Extra inputs"),
        ([user(1), "Ada"], "entry 2: Input should be an object"),
        ([user(1), user(2), user(1, email="x@example.com")], "entry 3: it has the same id as entry 1"),
        ([user(1), user(2, email="USER1@example.com")], "entry 2: it has the same email address as entry 1"),
        ({"users": []}, "it is not a JSON list of users"),
    ],
)
def test_broken_users_are_refused_with_the_entry(entries: Any, message: str) -> None:
    with pytest.raises(FileBroken, match=message) as refusal:
        read_users(json.dumps(entries))
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("email", ["@example.com", "ada@", "ada", "a da@example.com", "@"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(FileBroken, match="email: must be an email address"):
        read_users(json.dumps([user(1, email=email)]))


def test_what_the_version_before_took_is_taken() -> None:
    odd = {"name": "Ada\tLovelace", "email": '"@"@example.com'}
    [read] = read_users(json.dumps([user(1, **odd)]))
    assert (read.name, read.email) == (odd["name"], odd["email"])


def test_the_place_in_an_entry_is_named() -> None:
    with pytest.raises(FileBroken) as refusal:
        read_users(json.dumps([user(1, company_ids=[1, 0])]))
    assert str(refusal.value) == "entry 1 (id 1): company_ids.1: Input should be greater than or equal to 1"


def test_a_key_set_of_the_largest_size_is_taken() -> None:
    public = jwk(d=None)
    entries = [jwk(), *({**public, "kid": f"key {number}"} for number in range(99))]
    assert len(read_keys(json.dumps({"keys": entries}))) == 100


@pytest.mark.parametrize("text", ["", "[", "[[[[", '"users"'])
def test_what_is_no_list_of_users_is_refused(text: str) -> None:
    with pytest.raises(FileBroken, match="not a JSON list of users"):
        read_users(text)


def test_keys_keep_their_order_and_their_private_halves() -> None:
    first, second = jwk(kid="first"), jwk(kid="second", d=None)
    keys = read_keys(json.dumps({"keys": [first, second]}))
    assert [(each.key.id, each.key.algorithm) for each in keys] == [("first", "EdDSA"), ("second", "EdDSA")]
    assert [json.loads(each.jwk) for each in keys] == [first, second]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([jwk(), jwk(kid="k", x="?")], "entry 2: the key k cannot be read"),
        ([jwk(), jwk(kty="oct")], "entry 2: the key .* is not for signatures"),
        ([jwk(kid=None)], "entry 1: a key needs a kid"),
        ([jwk(d=None)], "entry 1: .* the first one its private part"),
        ([jwk(kid="k" * 129)], "entry 1: the kid of the first key is longer than 128"),
        ([jwk(kid="k"), jwk(kid="k")], "entry 2: it has the same kid as entry 1"),
        ([jwk(), "key"], "entry 2: it is not a JSON Web Key"),
        ([], "not a JWK set of 1 to 100 keys"),
        ("keys", "not a JWK set of 1 to 100 keys"),
    ],
)
def test_broken_keys_are_refused_with_the_entry(entries: Any, message: str) -> None:
    with pytest.raises(FileBroken, match=message):
        read_keys(json.dumps({"keys": entries}))


@pytest.mark.parametrize(
    ("text", "message"), [("", "^it is not JSON$"), ("[" * 100_000, "not JSON"), ("[]", "not a JWK set")]
)
def test_what_is_no_key_set_is_refused(text: str, message: str) -> None:
    with pytest.raises(FileBroken, match=message):
        read_keys(text)
