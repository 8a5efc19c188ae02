"""One bed for all of these tests; each finds it whole."""

from collections.abc import AsyncIterator, Generator

import pytest

from tests.faults.bed import Bed, running_bed
from tests.faults.figures import FIGURES

LOG_SHOWN = 20_000
"""Bytes of the end of each process's log."""


@pytest.fixture(scope="session")
async def whole_bed() -> AsyncIterator[Bed]:
    async with running_bed() as bed:
        yield bed


@pytest.fixture
async def bed(whole_bed: Bed) -> AsyncIterator[Bed]:
    """Repaired after each test, however it ended."""
    yield whole_bed
    await whole_bed.mend()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that fails, also what the processes said: their logs are gone with the bed."""
    report = yield
    bed = item.funcargs.get("bed")
    if call.when == "call" and report.failed and isinstance(bed, Bed):
        said = {process.name: process.log_end(LOG_SHOWN) for process in bed.processes.values()}
        report.sections += [(f"log of {name}", text) for name, text in said.items() if text]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("figures of the faults")
        for figure in FIGURES:
            terminalreporter.write_line(str(figure))
