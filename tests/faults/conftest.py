"""One bed for all of these tests; each finds it whole."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.bed import Bed, running_bed
from tests.faults.figures import FIGURES


@pytest.fixture(scope="session")
async def whole_bed() -> AsyncIterator[Bed]:
    async with running_bed() as bed:
        yield bed


@pytest.fixture
async def bed(whole_bed: Bed) -> AsyncIterator[Bed]:
    """Mended after each test, however it ended."""
    yield whole_bed
    await whole_bed.mend()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("figures of the faults")
        for figure in FIGURES:
            terminalreporter.write_line(str(figure))
