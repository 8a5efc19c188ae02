"""Which addresses requests may go to (decision 25)."""

import pytest

from services.delivery.sending.addresses import AddressRefused, allowed, destination, is_public

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1",
    "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "2001:200::1",
]  # fmt: skip
IPV4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",  # noqa: S104
    "127.0.0.1", "127.255.0.1", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1",
    "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
]  # fmt: skip
WITH_IPV4_INSIDE = [
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::7f00:1", "64:ff9b:1:ffff::1", "2002:7f00:1::", "2002:808:808::1", "2001::1",
    "2001:0:7f00:1::", "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:a00:1",
]  # fmt: skip
"""Compatible, mapped and translated ones, NAT64, 6to4, Teredo and ISATAP."""
IPV6 = [
    "::", "::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2620:4f:8000::1", "3fff::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1%1", "fec0::1", "ff02::1", "ff0e::1", "100::1",
    "4000::1", "e000::1", "5f00::1",
]  # fmt: skip
NO_ADDRESSES = ["", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1 ", "[::1]", "1.1.1.1/32"]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*IPV4, *WITH_IPV4_INSIDE, *IPV6, *NO_ADDRESSES])
def test_no_other_address_is_public(address: str) -> None:
    assert not is_public(address)


def test_of_a_names_addresses_the_first_public_ones_are_connected_to() -> None:
    to = destination("https://a.example/", frozenset())
    found = ["10.0.0.1", "8.8.8.8", "::1", "1.1.1.1", "9.9.9.9", "8.8.4.4"]
    assert allowed(found, to) == ["8.8.8.8", "1.1.1.1", "9.9.9.9"]
    with pytest.raises(AddressRefused, match=r"^the host has no public address$"):
        allowed(["10.0.0.1", "::1"], to)
    with pytest.raises(AddressRefused, match=r"^the host has no public address$"):
        allowed([], to)


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://a.example", "a.example", 443, "/", "a.example"),
        ("https://a.example:443/", "a.example", 443, "/", "a.example"),
        ("https://a.example.:8443/x?y=%20#z", "a.example", 8443, "/x?y=%20", "a.example:8443"),
        ("https://[2606:4700::1]/", "2606:4700::1", 443, "/", "[2606:4700::1]"),
        ("https://[2606:4700::1]:99/", "2606:4700::1", 99, "/", "[2606:4700::1]:99"),
    ],
)
def test_what_a_url_says(url: str, host: str, port: int, target: str, authority: str) -> None:
    to = destination(url, frozenset())
    assert (to.host, to.port, to.target, to.authority) == (host, port, target, authority)
    assert to.encrypted
    assert not to.may_be_private


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "ftp://a.example/", "gopher://a.example/", "//a.example/", "a.example", "", "https://",
        "https://user@a.example/", "https://user:password@a.example/", "https://a.example:70000/", "https://a.example:x/",
        "https://a.example/ x", "https://a.example/\x7f", "https://a.example/ü", "https://ü.example/", "https://a b/",
        "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://a.example%00.b/", "https://[::1/",
        "https://a.example:0/",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    reasons = "is not https|has no valid host, port or path|has no valid scheme, host or port"
    with pytest.raises(AddressRefused, match=f"^the URL ({reasons})$"):
        destination(url, frozenset())


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://crm.internal:8080/hook", "crm.internal:8080"),
        ("http://crm.internal/hook", "crm.internal:80"),
        ("https://crm.internal/hook", "crm.internal:443"),
        ("http://[fd00::1]:8080/", "[fd00::1]:8080"),
    ],
)
def test_a_named_host_may_be_private_on_its_port_alone(url: str, named: str) -> None:
    to = destination(url, frozenset({named}))
    assert to.may_be_private
    assert allowed(["10.0.0.1"], to) == ["10.0.0.1"]
    other = frozenset({named[:-1] + "9"})
    if url.startswith("https"):
        assert not destination(url, other).may_be_private
    else:
        with pytest.raises(AddressRefused):
            destination(url, other)
