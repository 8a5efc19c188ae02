"""What the generators print is read, and whatever failed ends the measurement."""

import asyncio

import psutil
import pytest

from bench.errors import NotMeasured
from bench.load import parsed
from bench.open_loop import percentile, whole_answer
from bench.placement import pinned, placement
from bench.programs import output_of
from tests.support.eventually import eventually

GOOD = (
    '{"requests": 3000, "microseconds": 1500000, "connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0,'
    ' "p50": 900, "p99": 4500}'
)


def test_rate_and_latencies_of_wrk() -> None:
    load = parsed(f"Running 2s test\n  Latency 1ms\n\n{GOOD}\n")
    assert (load.requests, load.per_second, load.p50, load.p99) == (3000, 2000, 0.9, 4.5)


@pytest.mark.parametrize("kind", ["connect", "read", "write", "status", "timeout"])
def test_any_failed_request_of_wrk_ends_the_measurement(kind: str) -> None:
    with pytest.raises(NotMeasured, match=kind):
        parsed(GOOD.replace(f'"{kind}": 0', f'"{kind}": 1'))


@pytest.mark.parametrize("output", ["", "unable to connect", GOOD.replace("3000", "0")])
def test_nothing_answered_is_no_measurement(output: str) -> None:
    with pytest.raises(NotMeasured):
        parsed(output)


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200),
        (b"HTTP/1.1 503 Busy\r\ncontent-length:  0\r\nX: y\r\n\r\n", 503),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
    ],
)
def test_an_answer_counts_once_it_is_whole(received: bytes, status: int | None) -> None:
    assert whole_answer(bytearray(received)) == status


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1)] == [50, 99, 100]
    assert percentile([7.0], 0.5) == 7


def test_load_comes_from_another_core_where_there_is_one() -> None:
    assert (placement([2, 3, 5]).measured, placement([2, 3, 5]).load) == ([2], [3])
    assert placement([4]).load == [4]
    assert pinned(["wrk", "-t1"], [2, 3]) == ["taskset", "--cpu-list", "2,3", "wrk", "-t1"]


async def test_output_of_a_program_is_what_it_prints() -> None:
    assert await output_of(["/bin/echo", "so"], placement().load, seconds=5) == "so\n"


async def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(NotMeasured, match="no such place"):
        await output_of(["/bin/sh", "-c", "echo no such place >&2; exit 3"], placement().load, seconds=5)


async def test_an_interrupted_measurement_leaves_no_program_behind() -> None:
    task = asyncio.ensure_future(output_of(["/bin/sleep", "61.5"], placement().load, seconds=60))
    await eventually(_sleeping)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await _sleeping()


async def _sleeping() -> bool:
    return any("61.5" in _command(child) for child in psutil.Process().children())


def _command(process: psutil.Process) -> list[str]:
    """Nothing for one that has ended, whether or not anybody has taken note of it yet."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []
