"""A Prometheus of a test's own: reads processes once a second and weighs rules twice a second."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

from stack.config.ports import reserve_port
from tests.support.eventually import eventually

READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
GLOBAL: Final = {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "500ms"}


@dataclass(frozen=True)
class Firing:
    """An alert that fires: its name, and the labels that say where."""

    name: str
    labels: Mapping[str, str]


@dataclass
class Prometheus:
    """Listens on 127.0.0.1; its targets may change while it runs."""

    url: str
    targets_file: Path
    http: aiohttp.ClientSession

    def read(self, targets: Mapping[str, Iterable[str]]) -> None:
        """From now on these addresses, by the name of their process."""
        content = [{"targets": [*addresses], "labels": {"process": name}} for name, addresses in targets.items()]
        new = self.targets_file.with_suffix(".new")
        new.write_text(json.dumps(content))
        new.replace(self.targets_file)

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now; AssertionError with what Prometheus says of a wrong one."""
        return list((await self._get("query", query=expression))["result"])

    async def query_range(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """Its series between two moments."""
        found = await self._get("query_range", query=expression, start=str(start), end=str(end), step=str(step))
        return list(found["result"])

    async def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in await self.alerts() if alert["state"] == "firing"}

    async def alerts(self) -> list[dict[str, Any]]:
        """All that fire or are about to."""
        return list((await self._get("alerts"))["alerts"])

    async def targets(self) -> dict[str, str]:
        """The health of each address that it reads."""
        found = (await self._get("targets"))["activeTargets"]
        return {target["labels"]["instance"]: target["health"] for target in found}

    async def _get(self, what: str, **parameters: str) -> Any:
        async with self.http.get(f"{self.url}/api/v1/{what}", params=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]


@asynccontextmanager
async def running_prometheus(directory: Path, rules: Sequence[str] = ()) -> AsyncIterator[Prometheus]:
    """With these rules, each the content of a file; it and its data are gone afterwards."""
    port, targets = reserve_port(), directory / "targets.json"
    targets.write_text("[]")
    for number, content in enumerate(rules):
        (directory / f"rules-{number}.yml").write_text(content)
    configuration = {
        "global": GLOBAL,
        "rule_files": ["rules-*.yml"],
        "scrape_configs": [{"job_name": "muster", "file_sd_configs": [{"files": [str(targets)]}]}],
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    with (directory / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            os.environ["PROMETHEUS"], f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}",
            "--query.lookback-delta=4s", "--log.level=warn",
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            prometheus = Prometheus(f"http://127.0.0.1:{port}", targets, http)
            await eventually(lambda: _is_ready(prometheus, process, directory), deadline=READY_SECONDS)
            yield prometheus
    finally:
        await _end(process)


async def _is_ready(prometheus: Prometheus, process: asyncio.subprocess.Process, directory: Path) -> bool:
    if process.returncode is not None:
        raise RuntimeError(f"Prometheus has ended: {(directory / 'prometheus.log').read_text()}")
    try:
        async with prometheus.http.get(f"{prometheus.url}/-/ready") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
