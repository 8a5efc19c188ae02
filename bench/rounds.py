"""Alternating rounds: what is compared is measured in turn, on the same machine in the same minutes."""

from collections.abc import Awaitable, Callable

from bench.results import Samples

ROUNDS = 5

Measure = Callable[[], Awaitable[float]]


async def alternate(*measures: Measure, rounds: int = ROUNDS) -> list[Samples]:
    """A B A B …: the samples of each measure, one a round. A first round warms up and is not counted."""
    for measure in measures:
        await measure()
    values: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, samples in zip(measures, values, strict=True):
            samples.append(await measure())
    return [Samples.of(samples) for samples in values]
