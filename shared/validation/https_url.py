"""URLs that are stored and passed on: https, strictly as in RFC 3986.

A parser that repairs its input is not a check: the stored text must be the one that was checked, and every reader must
read it alike.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Annotated, Final

from pydantic import AfterValidator, Field

MAX_URL: Final = 2048
_PCHAR: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@{more}-]|%[0-9A-Fa-f]{{2}})*"
_URL: Final = re.compile(
    r"https://(?P<authority>[^/?#]*)"
    rf"(?:/{_PCHAR.format(more='/')})?(?:\?{_PCHAR.format(more='/?')})?(?:#{_PCHAR.format(more='/?')})?\Z"
)
"""RFC 3986, appendix A: `https` with path, query and fragment. The authority is checked separately."""
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?\Z"
)
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")


def https_url(value: str) -> str:
    """Returns the text unchanged; raises `ValueError` unless it is an https URL without user information."""
    found = _URL.match(value)
    if found is None:
        raise ValueError("must be an https URL (RFC 3986), like https://certificates.example/7")
    if "@" in found["authority"]:
        raise ValueError("must not contain a user name or password")
    authority = _AUTHORITY.match(found["authority"])
    if authority is None or not _is_host(authority["ipv6"], authority["name"]) or not _is_port(authority["port"]):
        raise ValueError("must have a valid host")
    return value


def _is_host(ipv6: str | None, name: str | None) -> bool:
    if ipv6 is not None:
        return _is_address(ipv6, IPv6Address)
    labels = (name or "").removesuffix(".").split(".")
    if labels[-1].isdigit():
        return _is_address(name or "", IPv4Address)
    return all(map(_LABEL.match, labels))


def _is_address(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> bool:
    try:
        kind(text)
    except AddressValueError:
        return False
    return True


def _is_port(port: str | None) -> bool:
    return port is None or 0 < int(port) < 65_536


HttpsUrl = Annotated[str, Field(max_length=MAX_URL), AfterValidator(https_url)]
"""At most `MAX_URL` characters, stored exactly as sent."""
