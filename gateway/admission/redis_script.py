"""A Lua script on a Redis connection of its own.

redis-py's pool, its locks and its streams cost 100 µs a call, most of it for callers that come and go. Here one
caller makes one call at a time: the library makes the connection, with its TLS, login and database, and hands it over.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Final, cast

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from gateway.admission.redis_client import SLICES, TIMEOUT, within

_NO_SCRIPT: Final = "NOSCRIPT"


class HeldScript:
    """Not for two calls at once."""

    def __init__(self, redis: Redis, text: str) -> None:
        self._pool = redis.connection_pool
        self._text = text
        self._digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._line: _Line | None = None

    async def run(self, keys: Sequence[str], arguments: Sequence[int]) -> Any:
        """The script's answer; raises one of `REDIS_ERRORS`, and then the connection has ended.

        It takes `TIMEOUT` seconds at most, and as long again where a connection has to be made first.
        """
        line = self._line if self._line is not None and self._line.is_open else await within(self._connect())
        self._line = None  # whatever cuts this short leaves an answer behind that is nobody's
        try:
            answer = await self._evaluate(line, keys, arguments)
        except BaseException:
            line.close()
            raise
        self._line = line
        return answer

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    async def _connect(self) -> "_Line":
        connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        line = _Line(connection)
        connection._writer.transport.set_protocol(line)
        return line

    async def _evaluate(self, line: "_Line", keys: Sequence[str], arguments: Sequence[int]) -> Any:
        try:
            return await line.call("EVALSHA", self._digest, len(keys), *keys, *arguments)
        except NoScriptError:  # a Redis that was emptied or restarted; nothing was counted
            return await line.call("EVAL", self._text, len(keys), *keys, *arguments)


class _Line(asyncio.Protocol):
    """The connection, from when redis-py has made it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection  # it closes the socket when it is collected as garbage
        self._transport: asyncio.Transport | None = connection._writer.transport
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._answer: asyncio.Future[Any] = self._loop.create_future()
        self._slices = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def call(self, *words: str | int) -> Any:
        """Raises `TimeoutError`, `ConnectionError` or `ResponseError`."""
        if self._transport is None:
            raise RedisConnectionError("Redis closed the connection")
        self._answer, self._slices = self._loop.create_future(), SLICES
        self._timer = self._loop.call_later(TIMEOUT / SLICES, self._slice_is_over)
        self._transport.write(hiredis.pack_command(cast(Any, words)))
        try:
            return await self._answer
        finally:
            self._timer.cancel()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            answer = self._reader.gets()
        except hiredis.ProtocolError as error:
            self._fail(RedisConnectionError(str(error)))
            return
        if isinstance(answer, hiredis.ReplyError):
            text = str(answer)
            self._fail(NoScriptError(text) if text.startswith(_NO_SCRIPT) else ResponseError(text))
        elif answer is not False and not self._answer.done():
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(RedisConnectionError("Redis closed the connection"))

    def _slice_is_over(self) -> None:
        """See `within`: after the loop was held up, an answer may be there that nobody has read."""
        self._slices -= 1
        if self._slices:
            self._timer = self._loop.call_later(TIMEOUT / SLICES, self._slice_is_over)
        else:
            self._fail(TimeoutError(f"no answer within {TIMEOUT} s"))

    def _fail(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
