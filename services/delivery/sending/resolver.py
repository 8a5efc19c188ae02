"""Addresses of host names, from the name servers of the machine.

Not by the C library: it blocks a thread for as long as a name server is silent, and whoever owns a name decides that.
"""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiodns
from aiodns.error import DNSError

from services.delivery.sending.client import Lookup, NameUnknown

_TIMEOUT: Final = 2.0
"""Seconds for one name server to answer, in the first of `_TRIES`; the next waits longer."""
_TRIES: Final = 2


@asynccontextmanager
async def name_servers() -> AsyncIterator[Lookup]:
    """What looks names up, for as long as the block lasts."""
    resolver = aiodns.DNSResolver(timeout=_TIMEOUT, tries=_TRIES)

    async def lookup(host: str) -> Sequence[str]:
        try:
            found = await resolver.getaddrinfo(host, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        except DNSError as error:
            raise NameUnknown(host) from error
        return [str(node.addr[0], "ascii") for node in found.nodes]

    try:
        yield lookup
    finally:
        await resolver.close()
