"""What an operator does on the bed: compares every projection with its owner, and builds it anew."""

import asyncio
import shutil

from tests.faults.bed import Bed
from tests.faults.processes import ProductProcess
from tests.support.copies import COPIES, dump

SECONDS = 120.0


async def verify(bed: Bed) -> list[str]:
    """I3 by the product's own command: what each service says of its projections where they differ."""
    said = await asyncio.gather(*(_command(bed, service, "verify") for service in COPIES))
    return [f"I3: verify of {service} ended with {status}: {text}" for service, (status, text) in said if status]


async def rebuild(bed: Bed) -> list[str]:
    """I3: every rebuilt projection is the same, byte for byte."""
    before = {service: await dump(bed.database_urls[service], COPIES[service]) for service in COPIES}
    said = [await _command(bed, service, "rebuild") for service in COPIES]
    differing = [
        f"I3: rebuild changed {table} of {service}"
        for service in COPIES
        for table, rows in (await dump(bed.database_urls[service], COPIES[service])).items()
        if rows != before[service][table]
    ]
    failed = [f"I3: rebuild of {service} ended with {status}: {text}" for service, (status, text) in said if status]
    return failed + differing


async def _command(bed: Bed, service: str, command: str) -> tuple[str, tuple[int, str]]:
    logs = bed.servers.layout.log / f"{service}-{command}"
    logs.mkdir(exist_ok=True)
    process = ProductProcess(command, f"services.{service}", 0, bed.environment[service], logs, (command,))
    await process.launch()
    status = await asyncio.wait_for(process.ended(), SECONDS)
    text = process.log_end()
    shutil.rmtree(logs)
    return service, (status, text)
