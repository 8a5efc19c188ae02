"""What may be asked of a history (contract, section 5)."""

from datetime import date

import pytest
from pydantic import ValidationError

from services.history.schemas import EmployeeHistoryQuery, HistoryQuery


def test_what_is_not_asked_has_its_default() -> None:
    query = HistoryQuery.model_validate({})
    assert (query.type, query.status, query.page, query.per_page) == ("all", None, 1, 50)
    assert (query.project_id, query.label_id, query.date_from, query.date_to) == (None, None, None, None)


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        ("2025-07-01", "2025-07-01", True),
        ("2025-07-01", "2025-07-02", True),
        ("2025-07-02", "2025-07-01", False),
        ("2025-12-31", "2026-01-01", True),
    ],
)
def test_the_end_is_not_before_the_start(start: str, end: str, allowed: bool) -> None:
    asked = {"date_from": start, "date_to": end}
    if allowed:
        assert HistoryQuery.model_validate(asked).date_to == date.fromisoformat(end)
    else:
        with pytest.raises(ValidationError, match="must not be before date_from"):
            HistoryQuery.model_validate(asked)


@pytest.mark.parametrize("asked", [{"date_from": "2025-07-01"}, {"date_to": "2025-07-01"}])
def test_either_end_may_be_left_open(asked: dict[str, str]) -> None:
    HistoryQuery.model_validate(asked)


def test_only_employees_have_a_company() -> None:
    assert EmployeeHistoryQuery.model_validate({"company_id": "77"}).company_id == 77
    with pytest.raises(ValidationError):
        HistoryQuery.model_validate({"company_id": "77"})
