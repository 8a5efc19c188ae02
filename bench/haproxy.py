"""HAProxy as the gateway's peer, and as what both of them ask."""

from collections.abc import Sequence
from pathlib import Path

from bench.bed import Bed
from bench.processes import Serving, serve
from bench.signing import Signing
from stack.config.ports import reserve_port
from stack.paths import REPOSITORY

CONFIGURATIONS = REPOSITORY / "bench" / "peers"


async def upstream(bed: Bed, answer: bytes) -> Serving:
    """Gives this answer to whatever is asked, from the core of the load."""
    file = bed.servers.layout.data / "answer.json"
    file.write_bytes(answer)
    return await _haproxy(bed, "upstream", bed.placement.load, ANSWER=str(file))


async def haproxy(bed: Bed, upstream: Serving, signing: Signing) -> Serving:
    """With the gateway's policies, on the core of what is measured."""
    variables = {"UPSTREAM_PORT": str(upstream.port), "ALGORITHM": signing.algorithm, "KEY": signing.haproxy_key}
    return await _haproxy(bed, "haproxy", bed.placement.measured, **variables)


async def _haproxy(bed: Bed, name: str, cores: Sequence[int], **variables: str) -> Serving:
    port = reserve_port()
    configuration: Path = CONFIGURATIONS / f"{name}.cfg"
    command = [bed.servers.haproxy, "-db", "-f", str(configuration)]
    serving = await serve(bed.servers.layout, name, command, cores, port, {"PORT": str(port), **variables})
    bed.exits.push_async_callback(serving.stop)
    return serving
