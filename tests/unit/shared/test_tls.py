"""Addresses that ask for TLS: the same settings for PostgreSQL, RabbitMQ and Redis."""

from pathlib import Path

import pytest

from shared.tls import verified
from tests.support.tls import Tls

CA = Path("/etc/muster/the ca.pem")
ADDRESSES = {
    "postgresql://a:b%2F@h:1/db": "sslmode=verify-full&sslrootcert=%2Fetc%2Fmuster%2Fthe%20ca.pem",
    "postgres://h/db?user=x": "user=x&sslmode=verify-full&sslrootcert=%2Fetc%2Fmuster%2Fthe%20ca.pem",
    "amqps://a:b@h:5671/": "cafile=%2Fetc%2Fmuster%2Fthe%20ca.pem",
    "rediss://:x@h:6379/0": "ssl_ca_certs=%2Fetc%2Fmuster%2Fthe%20ca.pem",
}


@pytest.mark.parametrize(("address", "query"), ADDRESSES.items())
def test_an_address_says_how_it_is_verified_once(address: str, query: str) -> None:
    secured = verified(address, CA, None, None)
    assert secured == f"{address.partition('?')[0]}?{query}"
    assert verified(secured, CA, None, None) == secured


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("amqp://h/", "must begin with amqps://"),
        ("redis://h/", "must begin with rediss://"),
        ("unix:///run/redis.sock", "must begin with rediss://"),
        ("postgresql:///db?host=/run/postgresql", "must name a host"),
        ("postgresql://h/db?sslmode=require", "must not say sslmode"),
        ("postgresql://h/db?sslmode=verify-full&sslmode=disable", "must not say sslmode"),
        ("postgresql://h/db?sslrootcert=/other.pem", "must not say sslrootcert"),
        ("amqps://h/?no_verify_ssl=1", "must not say no_verify_ssl"),
        ("rediss://h/?ssl_cert_reqs=none", "must not say ssl_cert_reqs"),
        ("rediss://h/?ssl_check_hostname=false", "must not say ssl_check_hostname"),
    ],
)
def test_an_address_that_would_verify_less_is_refused(address: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        verified(address, CA, None, None)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_client_certificate_goes_with_its_key(address: str, tmp_path: Path) -> None:
    tls = Tls.made(tmp_path)
    secured = verified(address, tls.trusted, tls.certificate, tls.key)
    assert "client.pem" in secured
    assert "client.key" in secured
    for certificate, key in ((tls.certificate, None), (None, tls.key)):
        with pytest.raises(ValueError, match="needs both"):
            verified(address, tls.trusted, certificate, key)
    for certificate, key in ((tls.certificate, tls.certificate), (tls.certificate, tmp_path / "none")):
        with pytest.raises(ValueError, match="no certificate with its key"):
            verified(address, tls.trusted, certificate, key)
