"""What names and labels the metrics of a running system have: those that the pages say, and no client's text."""

import re
from collections.abc import AsyncIterator, Iterable
from importlib import import_module
from typing import Any

import pytest

from shared.errors import ApiError
from shared.events.types import STATE_OF
from shared.http.server.app import HEALTH_PATHS
from shared.metrics.requests import METHODS, OTHER, RequestDurations
from shared.metrics.registry import Metrics
from shared.metrics.version import VERSION
from stack.services import SERVICE_NAMES
from tests.support.client import Client
from tests.support.importing import FILES
from tests.support.metrics import Reading, read
from tests.support.papers import ROOT, listed, text_of
from tests.support.routes import ALL, NO_ROWS, Declared
from tests.support.services import ROUTES
from tests.support.stack import Stack, running_stack
from tests.support.world import ask_to_enroll, new_course, new_employee, new_session

ODD = "x9f-odd-text"
"""Nothing of ours has it."""
_NUMBER = re.compile(r"\d+(\.\d+)?(e-?\d+)?|\+Inf")
_PYTHON = re.compile(r"3\.\d+\.\d+")
_SECTIONS = ("operations.md",)


@pytest.fixture(scope="module")
async def watched() -> AsyncIterator[Stack]:
    """Its processes can be read as those of an installation are."""
    async with running_stack(read_metrics=True) as stack:
        yield stack


async def readings(stack: Stack) -> dict[str, Reading]:
    return {name: await read(metrics) for name, metrics in stack.metrics.items()}


def strange(declared: Declared, place: int) -> list[dict[str, Any]]:
    """Requests to one route that each have something nobody asked for; a body as JSON, and one that is none."""
    headers = {
        "X-Request-Id": f"{ODD}-{place}",
        "User-Agent": ODD,
        "X-Odd": ODD,
        "If-Match": f'"{ODD}"',
        "Idempotency-Key": ODD,
        "Accept": f"text/{ODD}",
        "Origin": f"https://{ODD}.example",
    }
    plain: list[dict[str, Any]] = [{"headers": headers}, {"params": {ODD: ODD, "page": ODD, "types": ODD}}]
    if declared.route.method == "GET":
        return plain
    return [*plain, {"json": {ODD: ODD, "title": ODD, "code": ODD}}, {"data": ODD, "headers": {"Content-Type": ODD}}]


async def ask_strangely(client: Client, declared: Declared, place: int) -> None:
    """With ids of nothing, and with text where an id should be."""
    path = declared.path(NO_ROWS) if not declared.is_internal else re.sub(r"\{\w+\}", "1", declared.route.path)
    for options in strange(declared, place):
        await client.request(declared.route.method, path, **options)
    await client.request(declared.route.method, re.sub(r"\{\w+\}", ODD, declared.route.path))
