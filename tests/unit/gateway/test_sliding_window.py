"""The sliding window's arithmetic, against what its module promises."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.sliding_window import Decision, Window, decide, wait

LENGTH = 1000
limits = st.integers(1, 8)
pauses = st.lists(st.one_of(st.just(0), st.integers(0, 60), st.integers(0, 2500)), max_size=150)


def admitted_at(pauses: list[int], limit: int) -> tuple[list[int], list[Decision]]:
    """The moments at which requests with these pauses between them were admitted, and every decision."""
    now, window, moments, decisions = 5_000_000, None, [], []
    for pause in pauses:
        now += pause
        decision = decide(window, now, limit, LENGTH)
        window = decision.window
        decisions.append(decision)
        if decision.admitted:
            moments.append(now)
    return moments, decisions


def test_all_may_come_at_once_and_the_next_is_refused_for_the_whole_window() -> None:
    window = None
    for used in range(60):
        decision = decide(window, 1000, 60)
        window = decision.window
        assert (decision.admitted, decision.remaining) == (True, 59 - used)
    assert not decide(window, 1000, 60).admitted
    assert not decide(window, 60_999, 60).admitted
    assert not decide(window, 61_000, 60).admitted  # all 60 still weigh fully
    assert decide(window, 62_000, 60).admitted


def test_a_refused_request_is_not_counted() -> None:
    full = Window(0, 60, 0)
    assert decide(full, 10, 60).window == full


def test_a_window_without_requests_forgets() -> None:
    assert decide(Window(0, 60, 60), 120_000, 60) == Decision(True, 60, Window(120_000, 1, 0), 120_000)


def test_a_clock_that_went_back_opens_no_new_window() -> None:
    assert not decide(Window(500_000, 60, 0), 400_000, 60).admitted
    assert decide(Window(500_000, 0, 30), 400_000, 60).remaining == 29


def test_headers() -> None:
    lines = decide(Window(1_000_500, 0, 0), 1_000_500, 60).lines()
    headers = dict(line.split(": ", 1) for line in lines.splitlines())
    assert headers == {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "59",
        "X-RateLimit-Reset": "1061",
        "RateLimit-Policy": '"default";q=60;w=60',
        "RateLimit": '"default";r=59;t=60',
    }


def limit_headers(decision: Decision) -> tuple[int, int, int]:
    """What remains, `t` and the reset."""
    headers = dict(line.split(": ", 1) for line in decision.lines().splitlines())
    r, t = headers["RateLimit"].removeprefix('"default";').split(";")
    assert r == f"r={headers['X-RateLimit-Remaining']}"
    return int(headers["X-RateLimit-Remaining"]), int(t.removeprefix("t=")), int(headers["X-RateLimit-Reset"])


def test_a_refusal_says_three_times_when_the_next_request_is_admitted() -> None:
    refused = decide(Window(1_000_000, 60, 0), 1_010_500, 60)
    assert not refused.admitted
    assert (refused.retry_after, limit_headers(refused)) == (51, (0, 51, 1061))


@given(pauses, limits)
def test_where_nothing_remains_the_headers_say_from_when_on_a_request_is_admitted(
    pauses: list[int], limit: int
) -> None:
    """To the second, and never too early."""
    for decision in admitted_at(pauses, limit)[1]:
        remaining, t, reset = limit_headers(decision)
        if remaining:
            continue
        assert t == decision.retry_after
        for moment in (decision.now + t * 1000, reset * 1000):
            assert decide(decision.window, moment, limit, LENGTH).admitted
            assert moment - 1000 < decision.now + wait(decision.window, decision.now, limit, LENGTH)


@given(pauses, limits)
def test_while_something_remains_the_headers_say_when_the_window_ends(pauses: list[int], limit: int) -> None:
    for decision in admitted_at(pauses, limit)[1]:
        remaining, t, reset = limit_headers(decision)
        end = decision.window.start + LENGTH
        if remaining:
            assert 0 <= t * 1000 - (end - decision.now) < 1000
            assert 0 <= reset * 1000 - end < 1000
        else:
            assert decision.admitted or t >= 1


def test_retry_after_counts_whole_seconds_up() -> None:
    assert decide(Window(0, 60, 0), 0, 60).retry_after == 61
    assert decide(Window(0, 0, 60), 999, 60).retry_after == 1


@given(pauses, limits)
def test_no_window_holds_more_than_the_limit(pauses: list[int], limit: int) -> None:
    _, decisions = admitted_at(pauses, limit)
    assert all(decision.window.current <= limit for decision in decisions)


@given(pauses, limits)
def test_a_span_holds_at_most_the_limit_and_the_fraction_it_reaches_into_its_later_window(
    pauses: list[int], limit: int
) -> None:
    moments, decisions = admitted_at(pauses, limit)
    for decision in (decision for decision in decisions if decision.admitted):
        within = [moment for moment in moments if decision.now - LENGTH < moment <= decision.now]
        reach = (decision.now - decision.window.start) / LENGTH
        assert len(within) <= limit * (1 + reach)


@given(pauses, limits)
def test_the_first_span_of_a_key_holds_at_most_the_limit(pauses: list[int], limit: int) -> None:
    moments, _ = admitted_at([0, *pauses], limit)
    assert sum(moment < moments[0] + LENGTH for moment in moments) <= limit


@given(pauses, limits)
def test_the_wait_is_exact(pauses: list[int], limit: int) -> None:
    for decision in admitted_at(pauses, limit)[1]:
        pause = wait(decision.window, decision.now, limit, LENGTH)
        assert decide(decision.window, decision.now + pause, limit, LENGTH).admitted
        assert pause == 0 or not decide(decision.window, decision.now + pause - 1, limit, LENGTH).admitted


@given(pauses, limits)
def test_remaining_is_what_would_be_admitted_at_once(pauses: list[int], limit: int) -> None:
    for decision in admitted_at(pauses, limit)[1]:
        window = decision.window
        for _ in range(decision.remaining):
            further = decide(window, decision.now, limit, LENGTH)
            assert further.admitted
            window = further.window
        assert not decide(window, decision.now, limit, LENGTH).admitted
