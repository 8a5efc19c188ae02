import math

import pytest

from stack.metrics import words


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0, "0"), (0.04, "0.0"), (3.21, "3.2"), (9.96, "10"), (1204.4, "1,204")],
)
def test_rates(value: float | None, said: str) -> None:
    assert words.rate(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.00042, "0.4 ms"),
        (0.012, "12 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (119, "119 s"),
        (125, "2 min"),
        (7260, "2 h 01"),
        (math.inf, "> 10 s"),
    ],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(None, "–"), (0.01, "0 s"), (0.3, "0.3 s"), (30.0, "30 s")])
def test_what_waits(seconds: float | None, said: str) -> None:
    assert words.waiting(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "–"), (59.9, "59 s"), (61, "1 min"), (3600, "1 h 00"), (90_000, "1 d 1 h")]
)
def test_ages(seconds: float | None, said: str) -> None:
    assert words.age(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (0, "0 MiB"), (112 * 2**20, "112 MiB"), (1.25 * 2**30, "1.2 GiB")]
)
def test_sizes(value: float | None, said: str) -> None:
    assert words.size(value) == said


def test_shares_of_a_processor() -> None:
    assert (words.share(None), words.share(0.414), words.share(2.0)) == ("–", "41 %", "200 %")
