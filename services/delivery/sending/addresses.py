"""Where requests may go: to public addresses, and to the hosts that the installation names (decision 25)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

MOST_ADDRESSES: Final = 3
"""Of a name's addresses, how many are tried one after another."""
_PORTS: Final = {"https": 443, "http": 80}
_TARGET: Final = re.compile(r"/[!-~]*\Z")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45})\Z")

_NOT_PUBLIC_V4: Final = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host and this network (RFC 791)
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by customers of a provider (RFC 6598); some clouds have metadata there
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number, but on Azure it is the machine's own host
        "169.254.0.0/16",  # link-local; most clouds have metadata there
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_UNICAST_V6: Final = IPv6Network("2000::/3")
"""All that is assigned. Mapped and compatible IPv4 addresses, NAT64, unique local, link-local and multicast addresses
are outside of it."""
_NOT_PUBLIC_V6: Final = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, and among them Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4: has an IPv4 address in it
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""The upper half of an interface's identifier that has an IPv4 address as its lower half (RFC 5214)."""


_LOCAL_NAMES: Final = (".localhost", ".local", ".internal", ".home.arpa")
"""RFC 6761, RFC 6762, RFC 8375; `.internal` is ICANN's for private use."""


class AddressRefused(Exception):
    """The URL, or an address of its host, is none that requests may go to."""


@dataclass(frozen=True, slots=True)
class Destination:
    """What a URL says of the request: `target` is the path with the query, and `host` has no brackets."""

    host: str
    port: int
    target: str
    encrypted: bool
    may_be_private: bool

    @property
    def authority(self) -> str:
        """The request's `Host` (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.encrypted else "http"] else f"{host}:{self.port}"


def destination(url: str, private_hosts: frozenset[str]) -> Destination:
    """Raises `AddressRefused` unless it is an https URL, or one of the hosts that may be private.

    `private_hosts` are written `host:port`, in lower case; an IPv6 address in brackets.
    """
    try:
        parts = urlsplit(url)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
        host = (parts.hostname or "").removesuffix(".")
    except (ValueError, KeyError):
        raise AddressRefused("the URL has no valid scheme, host or port") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _HOST.match(host) or not port or not _TARGET.match(target) or "@" in parts.netloc:
        raise AddressRefused("the URL has no valid host, port or path")
    may_be_private = (f"[{host}]" if ":" in host else host) + f":{port}" in private_hosts
    if parts.scheme != "https" and not may_be_private:
        raise AddressRefused("the URL is not https")
    return Destination(host, port, target, parts.scheme == "https", may_be_private)


def allowed(addresses: Sequence[str], to: Destination) -> list[str]:
    """Those that may be connected to, in their order, at most `MOST_ADDRESSES`; raises `AddressRefused` for none."""
    found = [address for address in addresses if to.may_be_private or is_public(address)][:MOST_ADDRESSES]
    if not found:
        raise AddressRefused("the host has no public address")
    return found


def is_literal(host: str) -> bool:
    """Whether it is an address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_local_name(host: str) -> bool:
    """Whether the name cannot be one of the internet's: it has no dot, or ends as private ones do."""
    return "." not in host or host.endswith(_LOCAL_NAMES)


def is_public(address: str) -> bool:
    """Whether anybody on the internet may have it. What has an IPv4 address in it never is, nor has it a zone."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _NOT_PUBLIC_V4)
    return _is_public_v6(parsed)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _UNICAST_V6:
        return False
    is_isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    return not is_isatap and not any(address in network for network in _NOT_PUBLIC_V6)
