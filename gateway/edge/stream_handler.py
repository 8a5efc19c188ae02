"""Requests that go over the lane, once they are admitted, and their answers."""

from dataclasses import dataclass
from typing import Final

from gateway.admission.open_streams import OpenStreams
from gateway.auth.client_token import ClientToken
from gateway.routes import UpstreamName
from gateway.upstream.headers import TO_A_TOKEN_LINES, answered_lines
from gateway.upstream.lane import Lane, LaneRequest
from shared.errors import PayloadTooLarge
from shared.http.body import read_body
from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes, length_line
from shared.http.server.response_stream import ResponseStream
from shared.http.stream_slots import until_cut

GATHERED_BYTES: Final = 64 * 1024
"""An answer that announces no more is waited for: should its service die, the client gets an error, and not a part."""


@dataclass(frozen=True, slots=True)
class StreamHandler:
    lane: Lane
    streams: OpenStreams

    async def answer(
        self, request: Request, upstream: UpstreamName, token: ClientToken, lines: str, most_bytes: int
    ) -> ResponseBytes | ResponseStream:
        """`lines` go to the service, and at most so many bytes of a body as it comes.

        Raises what opening a slot raises, what reading the body raises, and what the lane raises.
        """
        slot = self.streams.open(request, token, upstream)
        message = await _message(request, lines, most_bytes)
        return await until_cut(
            slot, self._exchanged(upstream, message), may_ask_again=request.method == "GET" and not request.has_body
        )

    async def _exchanged(self, upstream: UpstreamName, message: LaneRequest) -> ResponseBytes | ResponseStream:
        answer, connection = await self.lane.exchange(upstream, message)
        lines, length = answered_lines(answer.headers), connection.length
        if length is None:
            return ResponseStream(answer.status, lines + TO_A_TOKEN_LINES, connection)
        if length > GATHERED_BYTES:
            lines += b"Content-Length: %d\r\n" % length
            return ResponseStream(answer.status, lines + TO_A_TOKEN_LINES, connection, length)
        try:
            body = b"".join([part async for part in connection])
        finally:
            connection.close()
        lines += length_line(answer.status, body).encode()
        return ResponseBytes(answer.status, lines + TO_A_TOKEN_LINES, body)


async def _message(request: Request, lines: str, most_bytes: int) -> LaneRequest:
    """Raises `PayloadTooLarge`, or what `read_body` raises for an ordinary body."""
    message = LaneRequest(request.method, request.target.raw, lines)
    if not most_bytes:
        message.body = await read_body(request)
        return message
    length = request.announced_bytes() if request.has_body else 0
    if length is not None and length > most_bytes:
        raise PayloadTooLarge
    request.most_bytes = most_bytes
    message.chunks, message.length = request.chunks(), length
    return message
