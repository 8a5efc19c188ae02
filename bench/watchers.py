"""Many who watch a session at once, and when the last of them has each change.

A process of its own, which spends as little as there is to spend: those who watch have machines of their own. It prints
`{"version", "last"}` for each change that all have, `last` by the machine's monotonic clock.
"""

import argparse
import json
import re
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import NotMeasured
from bench.open_loop import request_of

_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
_OPEN_FILES = 8192
CONNECT_SECONDS = 30


def _run(url: str, lines: Sequence[str]) -> None:
    address = urlsplit(url)
    target = (address.hostname or "", address.port or 80)
    with ExitStack() as open_sockets, selectors.DefaultSelector() as selector:
        for line in lines:
            connection = open_sockets.enter_context(socket.create_connection(target, CONNECT_SECONDS))
            connection.sendall(request_of(line, address.netloc))
            _require_stream(connection.recv(65536))
            selector.register(connection, selectors.EVENT_READ)
        print(json.dumps({"version": 0, "last": time.monotonic()}), flush=True)
        _follow(selector, len(lines))


def _require_stream(received: bytes) -> None:
    if not received.startswith(b"HTTP/1.1 200 "):
        raise NotMeasured(f"a stream did not begin: {received[:300]!r}")


def _follow(selector: selectors.BaseSelector, count: int) -> None:
    """Until the process is ended."""
    heard: Counter[int] = Counter()
    while True:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - as registered
            data = key.fileobj.recv(65536)
            if not data:
                raise NotMeasured("a stream ended")
            for version in map(int, _ID.findall(data)):
                heard[version] += 1
                if heard[version] == count:
                    print(json.dumps({"version": version, "last": time.monotonic()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("requests", type=Path)
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, most), most))
    try:
        _run(arguments.url, arguments.requests.read_text().splitlines())
    except (NotMeasured, OSError) as error:
        sys.exit(f"watchers: {error!r}")


if __name__ == "__main__":
    main()
