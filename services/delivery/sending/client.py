"""Requests to endpoints, each on a connection of its own, to an address that was checked (decision 25).

The client follows no redirect, uses no proxy, remembers no cookie and decompresses nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from services.delivery.sending.addresses import AddressRefused, Destination, allowed, destination
from services.delivery.sending.answer import Answer, AnswerInvalid, ConnectionLost

REQUEST_TIMEOUT: Final = 15.0
"""Seconds for all of it: the host's addresses, connection, TLS, the request and the head of its answer."""
CONNECT_TIMEOUT: Final = 4.0
"""Seconds for each of a host's addresses."""
BODY_TIMEOUT: Final = 1.0
"""Seconds for the rest of an answer whose status is known."""
_CLOSE_TIMEOUT: Final = 1.0

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a host name; raises `NameUnknown`."""


class NameUnknown(Exception):
    """The name has no address, or nobody who knows it answers."""


class Failure(StrEnum):
    """Why there was no answer (contract, section 9)."""

    ADDRESS_REFUSED = "address_refused"
    NAME_UNKNOWN = "name_unknown"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    ANSWER_INVALID = "answer_invalid"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status, or a failure; `retry_after` is the answer's header as it came."""

    status: int | None = None
    failure: Failure | None = None
    retry_after: str | None = None


_FAILURES: Final[Sequence[tuple[type[Exception], Failure]]] = (
    (AddressRefused, Failure.ADDRESS_REFUSED),
    (NameUnknown, Failure.NAME_UNKNOWN),
    (TimeoutError, Failure.TIMED_OUT),
    (ssl.SSLError, Failure.TLS_FAILED),
    (AnswerInvalid, Failure.ANSWER_INVALID),
    (ConnectionLost, Failure.CONNECTION_FAILED),
    (OSError, Failure.CONNECTION_FAILED),
)
"""The first that fits: a `TimeoutError` and an `SSLError` are an `OSError` too."""


class EndpointClient:
    """`lookup` finds the addresses of names, once for each request; `private_hosts` are those of `destination`."""

    def __init__(self, lookup: Lookup, private_hosts: frozenset[str], tls: ssl.SSLContext | None = None) -> None:
        self._lookup = lookup
        self._private_hosts = private_hosts
        self._tls = tls or ssl.create_default_context()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """What came of it, within `REQUEST_TIMEOUT`; raises nothing that the endpoint can cause."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                to = destination(url, self._private_hosts)
                connected = await self._connect(to)
                return await self._exchange(connected, to, _request(to, headers, body))
        except (AddressRefused, NameUnknown, AnswerInvalid, ConnectionLost, OSError) as error:
            return Outcome(failure=next(failure for kind, failure in _FAILURES if isinstance(error, kind)))

    async def _connect(self, to: Destination) -> socket.socket:
        """The addresses that are checked here are those that are connected to: none is looked up again."""
        addresses = allowed(await self._addresses(to.host), to)
        for address in addresses[:-1]:
            try:
                return await _connected(address, to.port)
            except OSError:
                continue
        return await _connected(addresses[-1], to.port)

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return await self._lookup(host)

    async def _exchange(self, connected: socket.socket, to: Destination, request: bytes) -> Outcome:
        tls = to.encrypted
        try:
            transport, answer = await asyncio.get_running_loop().create_connection(
                lambda: Answer(request),
                sock=connected,
                ssl=self._tls if tls else None,
                server_hostname=to.host if tls else None,
                ssl_handshake_timeout=REQUEST_TIMEOUT if tls else None,
                ssl_shutdown_timeout=_CLOSE_TIMEOUT if tls else None,
            )
        except BaseException:
            connected.close()
            raise
        try:
            status = await answer.head
            await asyncio.wait({answer.ended}, timeout=BODY_TIMEOUT)
            return Outcome(status=status, retry_after=answer.retry_after)
        finally:
            transport.abort()


async def _connected(address: str, port: int) -> socket.socket:
    """Raises `OSError`; `address` is in numbers, so that nothing is looked up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


def _request(to: Destination, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {to.target} HTTP/1.1", f"host: {to.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(body)}", "accept-encoding: identity", "connection: close", "", ""]
    return "\r\n".join(lines).encode("ascii") + body
