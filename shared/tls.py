"""TLS to PostgreSQL, RabbitMQ and Redis: configured in one way, and written into the URL as each library reads it.

Every connection is made from the URL alone, so none can be missed. With a CA file, nothing is sent before the server
has presented a certificate of that CA for its host, and there is no fallback to plain text.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from pydantic import AfterValidator


@dataclass(frozen=True, slots=True)
class _Dialect:
    """The query parameters by which a library is configured."""

    ca: str
    certificate: str
    key: str
    always: tuple[tuple[str, str], ...] = ()
    laxer: frozenset[str] = frozenset()
    """Parameters that would weaken verification."""


_DIALECTS: Mapping[str, _Dialect] = {
    "postgresql": _Dialect("sslrootcert", "sslcert", "sslkey", (("sslmode", "verify-full"),)),
    "amqps": _Dialect("cafile", "certfile", "keyfile", laxer=frozenset({"no_verify_ssl"})),
    "rediss": _Dialect(
        "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", laxer=frozenset({"ssl_cert_reqs", "ssl_check_hostname"})
    ),
}
_SPEAKS_PLAIN_TEXT = {"amqp": "amqps", "redis": "rediss", "unix": "rediss"}
_OTHER_NAMES = {"postgres": "postgresql"}


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"{path} holds no CA certificates that can be read: {error.strerror or error}") from None
    return path


CaFile = Annotated[Path, AfterValidator(_certificates)]
"""PEM certificates of the only trusted authorities."""


def verified(address: str, ca: Path, certificate: Path | None, key: Path | None) -> str:
    """The URL, changed so that connections use TLS and verify the server; raises `ValueError` if that is impossible.

    `certificate` and `key` are shown to a server that asks for them.
    """
    parts = urlsplit(address)
    dialect = _DIALECTS.get(_OTHER_NAMES.get(parts.scheme, parts.scheme))
    if dialect is None:
        needed = _SPEAKS_PLAIN_TEXT.get(parts.scheme, "postgresql, amqps or rediss")
        raise ValueError(f"must begin with {needed}:// because a CA file is given")
    if not parts.hostname:
        raise ValueError("must name a host because a CA file is given")
    wanted = dict(dialect.always) | {dialect.ca: str(ca)} | _shown(dialect, certificate, key)
    standing = parse_qs(parts.query, keep_blank_values=True)
    different = {name for name in standing.keys() & wanted.keys() if standing[name] != [wanted[name]]}
    if contradicting := sorted(different | standing.keys() & dialect.laxer):
        raise ValueError(f"must not say {', '.join(contradicting)}: the CA file is a setting of its own")
    added = urlencode({name: value for name, value in wanted.items() if name not in standing}, quote_via=quote)
    return parts._replace(query="&".join(filter(None, (parts.query, added)))).geturl()


def _shown(dialect: _Dialect, certificate: Path | None, key: Path | None) -> dict[str, str]:
    if certificate is None and key is None:
        return {}
    if certificate is None or key is None:
        raise ValueError("a client certificate needs both its certificate file and its key file")
    try:
        ssl.create_default_context().load_cert_chain(certificate, key)
    except OSError as error:
        raise ValueError(
            f"{certificate} and {key} are no certificate with its key: {error.strerror or error}"
        ) from None
    return {dialect.certificate: str(certificate), dialect.key: str(key)}
