"""A service as a process of its own that sends without end: in chunks, or of a length of gigabytes."""

import asyncio
import os
from collections.abc import AsyncIterator

from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.app import create_app, run
from shared.http.server.responder import RESPONDER
from shared.http.server.response_stream import ResponseStream
from shared.http.streaming import Streamed

LENGTH = 2**34
PIECE = b"x" * 16_384


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield PIECE
        await asyncio.sleep(0.001)


def main() -> None:
    app = create_app()

    async def answer(request: Request) -> Answer | Streamed | ResponseStream:
        app[RESPONDER].begin_stream(request)
        if "length" in request.target.query:
            return ResponseStream(200, b"Content-Length: %d\r\n" % LENGTH, endless(), LENGTH)
        return Streamed(endless(), "application/octet-stream")

    app[RESPONDER].handler = answer
    run(app, "127.0.0.1", int(os.environ["PORT"]))


if __name__ == "__main__":
    main()
