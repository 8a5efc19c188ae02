from shared.concurrency.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.1, most=1.0)
    for longest in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
        assert longest / 2 <= backoff.next() <= longest


def test_pauses_begin_anew_after_a_success() -> None:
    backoff = Backoff(first=0.1, most=1.0)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 0.1


def test_pauses_of_many_processes_differ() -> None:
    assert len({Backoff().next() for _ in range(50)}) > 40
