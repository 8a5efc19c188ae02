"""Which tokens a cut-off refuses, and how long it is remembered."""

import time
from typing import Any

import pytest

from gateway.admission.cutoffs import CutOff, CutOffs
from gateway.auth.client_claims import MAX_AGE
from gateway.auth.client_token import ClientToken, Provider
from gateway.auth.key_sources import NoKeys
from shared.auth.internal_token import LEEWAY, Caller
from shared.errors import TokenInvalid

NOW = int(time.time())
OUTSIDE = "https://id.example"


def token(*, issuer: str = "muster", organisation: int = 7, subject: str = "ada", issued_at: int = NOW) -> ClientToken:
    caller = Caller(organisation, subject, "", "staff", frozenset({"api.access"}))
    provider = Provider(issuer, "muster-api", frozenset({"EdDSA"}), NoKeys())
    return ClientToken(caller, "id", issuer, issued_at, NOW + 600, None, False, provider, provider.source.keys)


def line(kind: str = "subject", **members: Any) -> CutOff:
    of_subject = {"issuer": "muster", "subject": "ada", "before": NOW} if kind == "subject" else {}
    return CutOff.model_validate({"seq": 1, "kind": kind, "organisation_id": 7, **of_subject, **members})


def refused(cut_offs: CutOffs, checked: ClientToken) -> str:
    """Why, or nothing."""
    try:
        cut_offs.check(checked)
    except TokenInvalid as error:
        return f"{error.reason}: {error.message}"
    return ""


def test_tokens_until_that_second_are_refused_and_later_ones_are_not() -> None:
    cut_offs = CutOffs()
    cut_offs.learn([line()])
    assert refused(cut_offs, token(issued_at=NOW - 1)) == "revoked: The token was revoked."
    assert refused(cut_offs, token(issued_at=NOW)) == "revoked: The token was revoked."
    assert not refused(cut_offs, token(issued_at=NOW + 1))


@pytest.mark.parametrize("other", [{"issuer": OUTSIDE}, {"organisation": 8}, {"subject": "Ada"}])
def test_it_is_of_one_subject_of_one_issuer_in_one_organisation(other: dict[str, Any]) -> None:
    cut_offs = CutOffs()
    cut_offs.learn([line()])
    assert not refused(cut_offs, token(**other))


def test_an_organisation_that_is_suspended_is_refused_until_it_is_resumed() -> None:
    cut_offs = CutOffs()
    cut_offs.learn([line("suspended")])
    late = NOW + 1000
    assert refused(cut_offs, token(issuer=OUTSIDE, issued_at=late)) == "suspended: The organisation is suspended."
    assert not refused(cut_offs, token(organisation=8))
    cut_offs.learn([line("resumed", seq=2)])
    assert not refused(cut_offs, token())


def test_an_earlier_line_takes_nothing_from_a_later_one() -> None:
    cut_offs = CutOffs()
    cut_offs.learn([line(), line(before=NOW - 100)])
    assert refused(cut_offs, token(issued_at=NOW - 50))


def test_a_token_is_looked_up_once_for_each_change() -> None:
    cut_offs, checked = CutOffs(), token()
    assert checked.checked != cut_offs.version
    cut_offs.check(checked)
    assert checked.checked == cut_offs.version
    for _ in range(2):
        cut_offs.learn([line(subject="somebody else")])
        assert checked.checked != cut_offs.version
        cut_offs.check(checked)


def test_a_refused_token_is_looked_up_again() -> None:
    cut_offs, checked = CutOffs(), token()
    cut_offs.learn([line()])
    assert refused(cut_offs, checked)
    assert checked.checked != cut_offs.version


def test_what_no_token_is_old_enough_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admission.cutoffs._TIDIED_FROM", 2)
    cut_offs, oldest = CutOffs(), int(time.time()) - MAX_AGE - LEEWAY
    ages = {"old": oldest - 60, "older": oldest - 600, "young": oldest + 60}
    cut_offs.learn([line(subject=subject, before=before) for subject, before in ages.items()])
    assert [key[2] for key in cut_offs._before] == ["young"]


def test_much_that_is_young_is_kept_and_not_looked_through_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admission.cutoffs._TIDIED_FROM", 2)
    cut_offs = CutOffs()
    cut_offs.learn([line(subject=f"user-{number}") for number in range(3)])
    assert (len(cut_offs._before), cut_offs._tidied_from) == (3, 6)
