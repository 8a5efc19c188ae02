"""A process that should send spans and cannot does not start: what nobody would see for months is said at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.internal_keys import internal_settings
from tests.support.service_process import environment

SETTINGS = {
    "gateway": {
        **{f"{name}_url": "http://nowhere" for name in ("catalog", "enrollment", "history", "accounts", "delivery")},
        "redis_url": "redis://nowhere",
    },
    "services.catalog": {
        "database_url": "postgresql://nowhere/catalog",
        "amqp_url": "amqp://nowhere/",
        "enrollment_url": "http://nowhere",
    },
}
WITHOUT_PACKAGES = """
import runpy, sys
sys.modules["opentelemetry.sdk"] = None
sys.argv = [sys.argv[1]]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("module", SETTINGS)
def test_it_names_the_packages_that_are_missing(module: str, tmp_path: Path) -> None:
    keys = internal_settings(module.rpartition(".")[2])
    settings = {**SETTINGS[module], **keys, "trace_file": tmp_path / "spans.jsonl"}
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGES, module],
        env={**os.environ, **environment(settings)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    [line] = ended.stderr.splitlines()
    assert line.startswith("OTEL_EXPORTER_OTLP_ENDPOINT and TRACE_FILE need the packages of the extra tracing")
