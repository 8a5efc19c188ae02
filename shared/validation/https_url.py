"""URLs that are stored and passed on: https, strictly as in RFC 3986.

A parser that repairs its input is not a check: what is stored is what was parsed, in its normal form, and every reader
reads it alike.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import AfterValidator, Field

MAX_URL: Final = 2048
_PCHAR: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@{more}-]|%[0-9A-Fa-f]{{2}})*"
_URL: Final = re.compile(
    r"https://(?P<authority>[^/?#]*)"
    rf"(?P<rest>(?:/{_PCHAR.format(more='/')})?(?:\?{_PCHAR.format(more='/?')})?(?:#{_PCHAR.format(more='/?')})?)\Z",
    re.IGNORECASE | re.ASCII,
)
"""RFC 3986, appendix A: `https` with path, query and fragment. The authority is checked separately."""
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?\Z"
)
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_NUMBER: Final = re.compile(r"(?:[0-9]+|0[Xx][0-9A-Fa-f]*)\Z")
"""A host whose last label is a number is an IPv4 address to browsers, as in `127.0x1`."""


def https_url(value: str) -> str:
    """The URL in its normal form; raises `ValueError` unless it is an https URL without user information.

    Scheme and host are in lower case (RFC 3986, section 6.2.2.1), and what is not ASCII in the path, query and fragment
    is percent-encoded (RFC 3987, section 3.1). All else is as it was written.
    """
    found = _URL.match(_percent_encoded(value))
    if found is None:
        raise ValueError("must be an https URL (RFC 3986), like https://certificates.example/7")
    if "@" in found["authority"]:
        raise ValueError("must not contain a user name or password")
    authority = _AUTHORITY.match(found["authority"])
    if authority is None or not _is_host(authority["ipv6"], authority["name"]) or not _is_port(authority["port"]):
        raise ValueError("must have a valid host in ASCII; the ASCII form of an international name begins with xn--")
    normal = f"https://{found['authority'].lower()}{found['rest']}"
    if len(normal) > MAX_URL:
        raise ValueError(f"must have at most {MAX_URL} characters once it is percent-encoded")
    return normal


def _percent_encoded(url: str) -> str:
    """Leaves what is invisible as it is, such as marks of direction; the check refuses it."""
    if url.isascii():
        return url
    return "".join(quote(sign) if not sign.isascii() and sign.isprintable() else sign for sign in url)


def _is_host(ipv6: str | None, name: str | None) -> bool:
    if ipv6 is not None:
        return _is_address(ipv6, IPv6Address)
    labels = (name or "").removesuffix(".").split(".")
    if _NUMBER.match(labels[-1]):
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


HttpsUrl = Annotated[
    str,
    Field(max_length=MAX_URL, json_schema_extra={"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]://"}),
    AfterValidator(https_url),
]
"""At most `MAX_URL` characters, in the normal form too."""
