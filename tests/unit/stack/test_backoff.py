from stack.processes.backoff import STABLE_SECONDS, Backoff


def test_each_delay_is_twice_the_one_before_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.delay_after(1.0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_minute_alive_begins_with_the_shortest_delay_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_after(STABLE_SECONDS - 0.1)
    assert backoff.delay_after(STABLE_SECONDS) == 0.5
    assert backoff.delay_after(0.0) == 1
