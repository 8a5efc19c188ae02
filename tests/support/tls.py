"""A certificate authority of a test's own, which nobody trusts but who is configured to, and certificates of it."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Tls:
    """What a server on 127.0.0.1 needs, and the file with which its clients trust it."""

    context: ssl.SSLContext
    trusted: Path
    certificate: Path
    """Of a client, with its key."""
    key: Path

    @classmethod
    def made(cls, directory: Path) -> "Tls":
        authority = _Authority.made()
        trusted = directory / "ca.pem"
        trusted.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=trusted)
        context.load_cert_chain(*authority.write(directory / "server", x509.IPAddress(ip_address(_ADDRESS))))
        return cls(context, trusted, *authority.write(directory / "client", x509.DNSName("client.test")))

    def require_client_certificates(self) -> None:
        """From now on the server speaks only to who shows one of the same authority."""
        self.context.verify_mode = ssl.CERT_REQUIRED


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls) -> "_Authority":
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("the test's own authority")
        builder = _lasting_a_day(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def write(self, file: Path, subject: x509.GeneralName, until: datetime | None = None) -> tuple[Path, Path]:
        """The files of a new certificate, valid for a day or until `until`, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _lasting_a_day(_name(file.name), self.certificate.subject, key, until)
        builder = builder.add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        certificate_file, key_file = file.with_suffix(".pem"), file.with_suffix(".key")
        certificate = builder.sign(self.key, hashes.SHA256())
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key_file.write_bytes(key.private_bytes(*form))
        return certificate_file, key_file


def server_context(
    directory: Path, *, name: str, trusted: bool = True, until: datetime | None = None
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server that has a certificate of this name, and of a client; `trusted` by it, and valid until `until`."""
    authority = _Authority.made()
    known = authority if trusted else _Authority.made()
    client = ssl.create_default_context(cadata=known.certificate.public_bytes(serialization.Encoding.PEM).decode())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*authority.write(directory / "named", x509.DNSName(name), until))
    return server, client


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _lasting_a_day(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime | None = None
) -> x509.CertificateBuilder:
    day = timedelta(days=1)
    end = until or datetime.now(UTC) + day
    return x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), end - 2 * day, end)
