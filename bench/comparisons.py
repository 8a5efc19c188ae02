"""Several comparisons of one kind."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from bench.bed import Bed
from bench.errors import NotMeasured
from bench.results import Result

Comparison = Callable[[], Awaitable[Sequence[Result]]]


async def one_by_one(bed: Bed, comparisons: Mapping[str, Comparison]) -> AsyncIterator[Result]:
    """The results of each. One that cannot be measured keeps nobody else from it: `NotMeasured` comes at the end."""
    failures: list[str] = []
    for name, compare in comparisons.items():
        bed.say(f"  {name}")
        try:
            for result in await compare():
                yield result
        except NotMeasured as error:
            bed.say(f"  {name} could not be measured")
            failures.append(f"{name}: {error}")
    if failures:
        raise NotMeasured("\n".join(failures))
