"""What an identity provider says of itself: RFC 8414, and OpenID Connect Discovery 1.0, section 3."""

import re

from gateway.auth.key_sources import KeySetUnreadable
from shared.errors import MalformedJson, TooManyValues
from shared.validation.strict_json import parse_json

_ADDRESS = re.compile(r"https?://[^\s]{1,2048}\Z")


def key_set_address(metadata: bytes, issuer: str, url: str) -> str:
    """Where the keys of this issuer are, as the metadata at `url` says; raises `KeySetUnreadable`.

    Metadata of another issuer says nothing of this one (RFC 8414, section 3.3), however alike their names are.
    """
    try:
        members = parse_json(metadata)
    except (MalformedJson, TooManyValues):
        members = None
    if not isinstance(members, dict):
        raise KeySetUnreadable(f"{url} is no metadata of an identity provider")
    described = members.get("issuer")
    if described != issuer:
        raise KeySetUnreadable(
            f"{url} is of the issuer {described!r:.300}, and PROVIDERS has {issuer!r}: they must be the same"
        )
    address = members.get("jwks_uri")
    if not isinstance(address, str) or not _ADDRESS.match(address):
        raise KeySetUnreadable(f"{url} has no jwks_uri")
    if url.startswith("https:") and not address.startswith("https:"):
        raise KeySetUnreadable(f"{url} has a jwks_uri without TLS")
    return address
