from hypothesis import given
from hypothesis import strategies as st

from shared.events.states import State
from shared.events.types import EmployeeRemoved, Event
from shared.messaging.subscriptions import newest_of_each_row
from tests.support.events import course, enrollment, person, session


def test_only_the_highest_version_of_a_row_is_left() -> None:
    events = [enrollment(7, 1, version) for version in (2, 3, 1, 3)]
    assert newest_of_each_row(events) == [enrollment(7, 1, 3)]


def test_rows_of_different_kind_organisation_or_id_are_different_rows() -> None:
    events: list[Event[State]] = [enrollment(7, 1), session(7, 1), course(7, 1), enrollment(8, 1), enrollment(7, 2)]
    assert sorted(map(repr, newest_of_each_row(events))) == sorted(map(repr, events))


def test_two_kinds_of_event_of_one_row_are_versions_of_that_row() -> None:
    saved = person(7, 1, version=1)
    removed = EmployeeRemoved(7, person(7, 1, version=2, removed=True).data)
    assert newest_of_each_row([removed, saved]) == [removed]


@given(st.permutations([enrollment(organisation, row) for organisation in (7, 8) for row in (3, 20, 100)]))
def test_rows_come_in_one_order_whatever_the_order_of_their_events(events: list[Event[State]]) -> None:
    rows = [(event.organisation_id, event.data.id) for event in newest_of_each_row(events)]
    assert rows == [(7, 3), (7, 20), (7, 100), (8, 3), (8, 20), (8, 100)]
