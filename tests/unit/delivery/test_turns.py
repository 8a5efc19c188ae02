"""How many requests may be under way: a slow endpoint keeps none of the turns that others need."""

from services.delivery.sending.turns import (
    AT_ONCE,
    MOST_OF_ORGANISATION,
    MOST_OPEN,
    TURN_SECONDS,
    TURNS_OF_ORGANISATION,
    Endpoint,
    Turns,
)


def begun(turns: Turns, count: int, *, organisation: int = 1, now: float = 0) -> None:
    for number in range(count):
        turns.begin((organisation, now, number), Endpoint(organisation, number), now)


def test_where_nothing_is_under_way_all_turns_are_free() -> None:
    room = Turns().room(0)
    assert (room.total, room.organisations, room.under_way) == (AT_ONCE, {}, {})


def test_a_request_takes_a_turn_until_it_ends() -> None:
    turns = Turns()
    turns.begin("a", Endpoint(1, 7), 0)
    turns.begin("b", Endpoint(1, 7), 0)
    turns.begin("c", Endpoint(2, 7), 0)
    room = turns.room(0)
    assert room.total == AT_ONCE - 3
    assert room.organisations == {1: TURNS_OF_ORGANISATION - 2, 2: TURNS_OF_ORGANISATION - 1}
    assert room.under_way == {Endpoint(1, 7): 2, Endpoint(2, 7): 1}
    turns.end("b")
    assert turns.room(0).total == AT_ONCE - 2
    assert len(turns) == 2


def test_a_request_that_takes_longer_than_a_turn_leaves_it_to_others() -> None:
    turns = Turns()
    begun(turns, AT_ONCE)
    assert turns.room(TURN_SECONDS - 0.01).total == 0
    assert turns.room(TURN_SECONDS).total == AT_ONCE
    assert turns.room(TURN_SECONDS).organisations == {1: TURNS_OF_ORGANISATION}


def test_slow_requests_have_a_bound_too() -> None:
    turns = Turns()
    for organisation in range(8):
        begun(turns, MOST_OPEN // 8, organisation=organisation)
    assert turns.room(TURN_SECONDS).total == 0
    turns.end((0, 0, 0))
    assert turns.room(TURN_SECONDS).total == 1


def test_an_organisation_has_half_of_the_turns_and_of_all_requests() -> None:
    turns = Turns()
    begun(turns, TURNS_OF_ORGANISATION)
    assert turns.room(0).organisations == {1: 0}
    assert turns.room(0).total == AT_ONCE - TURNS_OF_ORGANISATION
    begun(turns, MOST_OF_ORGANISATION - TURNS_OF_ORGANISATION - 1, now=-TURN_SECONDS)
    assert turns.room(TURN_SECONDS).organisations == {1: 1}
    begun(turns, 5, now=-2 * TURN_SECONDS)
    assert turns.room(TURN_SECONDS).organisations == {1: 0}
