"""What may become of organisations: pure rules (contract, section 7)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.accounts import organisation_rules
from services.accounts.errors import OrganisationNotFound
from services.accounts.organisation_rules import Organisation
from services.accounts.schemas_organisations import OWN_IDS, OrganisationDocument, OrganisationFields
from shared.errors import ValidationFailed

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ADMIN = {"name": "Ada", "email": "ada@example.com"}


def document(**changes: Any) -> OrganisationDocument:
    values: dict[str, Any] = {"id": 7, "version": 1, "name": "Acme", "suspended_at": None}
    return organisation_rules.document_of(Organisation(**values | changes))


def test_an_organisation_as_it_is_written() -> None:
    assert document().model_dump() == {"name": "Acme", "suspended": False}
    assert document(suspended_at=NOW).model_dump() == {"name": "Acme", "suspended": True}


def test_a_change_leaves_the_rest() -> None:
    changed = organisation_rules.changed_organisation(document(suspended_at=NOW), {"name": " Umbrella "})
    assert (changed.name, changed.suspended) == ("Umbrella", True)
    assert organisation_rules.changed_organisation(document(suspended_at=NOW), {"suspended": None}).suspended is False


@pytest.mark.parametrize(
    ("patch", "field"),
    [({"name": ""}, "name"), ({"name": None}, "name"), ({"suspended": 1}, "suspended"), ({"id": 8}, "id")],
)
def test_what_an_organisation_cannot_become(patch: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        organisation_rules.changed_organisation(document(), patch)
    assert list(refused.value.details["errors"]) == [field]


def test_a_name_of_before_stays_allowed() -> None:
    changed = organisation_rules.changed_organisation(document(name="a\x07b"), {"suspended": True})
    assert changed.name == "a\x07b"


def test_what_the_trail_calls_a_change() -> None:
    before, suspended = document(), document(suspended_at=NOW)
    assert organisation_rules.action_of(before, document(name="New")) == "organisation.changed"
    assert organisation_rules.action_of(suspended, suspended) == "organisation.changed"
    assert organisation_rules.action_of(before, suspended) == "organisation.suspended"
    assert organisation_rules.action_of(suspended, before) == "organisation.resumed"


def test_ids_that_are_chosen_here_come_from_nobody_else() -> None:
    assert (OWN_IDS[0], OWN_IDS[-1]) == (2_000_000_000_001, 2_999_999_999_999)
    for own in (OWN_IDS[0], OWN_IDS[-1]):
        with pytest.raises(OrganisationNotFound):
            organisation_rules.check_may_be_known(own)
        with pytest.raises(ValueError, match="must not be from 2000000000001 to 2999999999999"):
            OrganisationFields.model_validate({"name": "Acme", "admin": ADMIN, "id": own})
    for theirs in (1, OWN_IDS[0] - 1, OWN_IDS[-1] + 1, 2**63 - 1):
        organisation_rules.check_may_be_known(theirs)
        assert OrganisationFields.model_validate({"name": "Acme", "admin": ADMIN, "id": theirs}).id == theirs


def test_what_an_organisation_begins_with() -> None:
    begun = OrganisationFields.model_validate({"name": "Acme", "admin": ADMIN})
    assert (begun.time_zone, begun.booking_clash, begun.id) == ("UTC", "warn", None)
