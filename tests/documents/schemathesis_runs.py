"""Runs schemathesis on the OpenAPI document, or on one like it, through the gateway."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stack.paths import REPOSITORY
from tests.documents.findings import Run, read_run
from tests.support.stack import CLIENT_SECRET, Stack

DOCUMENT: Final = REPOSITORY / "docs" / "openapi.json"
LEFT_OUT: Final = {"X-Request-Id", "Idempotency-Key", "If-Match", "If-None-Match"}
"""Headers that are the same on all routes, with tests of their own. A request id that does not fit is replaced, and not
refused; a key that was used, and a tag of no version, refuse a request before anything else is looked at."""
CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")
HOOKS: Final = "tests.documents.schemathesis_hooks"
_PROGRAM: Final = Path(sys.executable).parent / "schemathesis"
_LONGEST: Final = 450.0
"""Seconds."""


def fuzzed_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for item in document["paths"].values():
        for operation in item.values():
            needed = {"If-Match"} if "428" in operation["responses"] else set()
            left_out = {f"#/components/parameters/{name}" for name in LEFT_OUT - needed}
            operation["parameters"] = [
                each for each in operation.get("parameters", ()) if each.get("$ref") not in left_out
            ]
    return document


async def run_schemathesis(
    stack: Stack, organisation: int, directory: Path, document: Mapping[str, Any], *options: str
) -> Run:
    """Raises AssertionError where it does not end as it should; what it found is no reason."""
    described, report = directory / "openapi.json", directory / "report.ndjson"
    await asyncio.to_thread(described.write_text, json.dumps(document), encoding="utf-8")
    arguments = ["--config-file", str(CONFIGURATION), "run", str(described), "--url", stack.gateway_url]
    arguments += ["--seed", os.environ.get("SCHEMATHESIS_SEED", "1"), "--report-ndjson-path", str(report), *options]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "SCHEMATHESIS_HOOKS": HOOKS,
        "FUZZED_SECRET": CLIENT_SECRET,
        "FUZZED_ORGANISATION": str(organisation),
    }
    process = await asyncio.create_subprocess_exec(
        str(_PROGRAM),
        *arguments,
        cwd=directory,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_LONGEST):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode in (0, 1), printed.decode()[-4000:]
    return await asyncio.to_thread(read_run, report)
