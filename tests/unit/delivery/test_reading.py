"""Where a reader of the feed goes on (contract, section 8)."""

import pytest

from services.delivery.errors import CursorExpired
from services.delivery.reading import BEGINNING, Step, step
from services.delivery.store.feed import Page
from shared.http.feed_cursor import FeedPlace

FLOOR, HORIZON = FeedPlace(100, 7), FeedPlace(200, 0)


def page(reached: FeedPlace | None = None, *, shown: int = 0) -> Page:
    position, event = reached or (None, None)
    return Page("{}", shown, position, event, HORIZON.position, *FLOOR)


def test_where_nothing_follows_the_next_step_begins_at_the_horizon() -> None:
    assert step(page(shown=3), FLOOR) == Step("{}", 3, HORIZON, has_more=False)


def test_where_more_follow_it_begins_at_what_was_reached() -> None:
    reached = FeedPlace(150, 9)
    assert step(page(reached, shown=3), FLOOR) == Step("{}", 3, reached, has_more=True)


@pytest.mark.parametrize("after", [BEGINNING, FLOOR, FeedPlace(100, 8), FeedPlace(101, 0), FeedPlace(199, 9), HORIZON])
def test_a_place_between_the_floor_and_the_horizon_is_good(after: FeedPlace) -> None:
    assert step(page(), after).next == HORIZON


@pytest.mark.parametrize("after", [FeedPlace(0, 1), FeedPlace(99, 9), FeedPlace(100, 6), FeedPlace(200, 1)])
def test_a_place_before_what_was_dropped_or_ahead_of_all_has_expired(after: FeedPlace) -> None:
    with pytest.raises(CursorExpired):
        step(page(), after)
