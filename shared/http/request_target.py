"""What a request asks for: its target, which gateway and services read alike, and its host.

RFC 9112, section 3.2; RFC 3986, section 3.3.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from shared.errors import BadRequest

_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+\Z")
_QUERY = re.compile(r"[\x21\x22\x24-\x7e]*\Z")
"""Any visible ASCII but `#`: brackets and quotes stand in many clients' queries, and only services read them."""
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_REFUSED_WHEN_ENCODED = frozenset(b"/\\%")


class Target(NamedTuple):
    """Path and query exactly as the client sent them, still encoded."""

    path: str
    query: str

    @property
    def raw(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def read_target(raw: str) -> Target:
    """Takes a target apart; raises `BadRequest` for one that two readers could read differently.

    That is: absolute form (where its host is `Host` it has become a plain one before), an empty or a dot segment
    (encoded or not), an encoded separator, control byte or percent sign, and anything but ASCII.
    """
    path, _, query = raw.partition("?")
    if not path.startswith("/") or not _PATH.match(path) or not _QUERY.match(query):
        raise BadRequest("The request target is malformed.")
    if "//" in path or not all(map(_is_plain, path.split("/"))):
        raise BadRequest("The request target contains a path segment that is not allowed.")
    return Target(path, query)


def checked_host(hosts: Sequence[str]) -> str:
    """The one `Host` of a request, which links are built on; raises `BadRequest` (RFC 9112, section 3.2)."""
    if len(hosts) != 1 or not _HOST.match(hosts[0]):
        raise BadRequest("The request must have exactly one valid Host header.")
    return hosts[0]


def own_address(transport: asyncio.BaseTransport) -> str:
    """Host and port at which a connection reached this process: those of an HTTP/1.0 request without `Host`."""
    host, port = transport.get_extra_info("sockname")[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_plain(segment: str) -> bool:
    if "%" not in segment:
        return segment not in (".", "..")
    decoded = unquote_to_bytes(segment)
    return decoded not in (b".", b"..") and all(0x20 <= byte < 0x7F for byte in decoded) and not _hides(segment)


def _hides(segment: str) -> bool:
    """Whether something that separates, or encodes a second time, is written as an escape."""
    return any(int(escape[:2], 16) in _REFUSED_WHEN_ENCODED for escape in segment.split("%")[1:])
