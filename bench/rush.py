"""All requests of a file at once, each over a connection of its own, and how long until the last one is answered.

A process of its own, which spends as little as there is to spend: those who come at once have machines of their own.
"""

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import NotMeasured
from bench.open_loop import request_of, whole_answer
from bench.processes import python
from bench.programs import output_of

LONGEST = 20.0
"""Seconds until the last answer."""


@dataclass(frozen=True, slots=True)
class Rush:
    """Seconds until all who came at once were answered, and how many were refused."""

    seconds: float
    refused: int


async def rush(cores: Sequence[int], url: str, requests: Path, *, after: float) -> Rush:
    """The file's requests, from these cores, once `after` seconds are over; raises `NotMeasured`."""
    command = python("bench.rush", url, str(requests), "--after", str(after))
    return Rush(**json.loads(await output_of(command, cores, seconds=after + LONGEST)))


def _run(url: str, lines: Sequence[str]) -> Rush:
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 80
    with ExitStack() as open_sockets, selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for line in lines:
            connection = open_sockets.enter_context(socket.create_connection((host, port)))
            connection.sendall(request_of(line, address.netloc))
            selector.register(connection, selectors.EVENT_READ, bytearray())
        statuses = list(_statuses(selector, began + LONGEST))
        return Rush(time.perf_counter() - began, sum(status >= 300 for status in statuses))


def _statuses(selector: selectors.BaseSelector, until: float) -> Iterator[int]:
    while selector.get_map():
        for key, _ in selector.select(max(0.0, until - time.perf_counter())):
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - as registered
            data = key.fileobj.recv(65536)
            if not data:
                raise NotMeasured("a connection was closed without an answer")
            key.data.extend(data)
            if (status := whole_answer(key.data)) is not None:
                selector.unregister(key.fileobj)
                yield status
        if time.perf_counter() >= until:
            raise NotMeasured("not all were answered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("requests", type=Path)
    parser.add_argument("--after", type=float, required=True)
    arguments = parser.parse_args()
    lines = arguments.requests.read_text().splitlines()
    time.sleep(arguments.after)
    try:
        print(json.dumps(asdict(_run(arguments.url, lines))))
    except (NotMeasured, OSError) as error:
        sys.exit(f"rush: {error!r}")


if __name__ == "__main__":
    main()
