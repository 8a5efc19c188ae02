"""No request reaches an address that is not public (decision 25): 60 of them, with listeners that count connections."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from services.delivery.sending import addresses, client
from services.delivery.sending.client import EndpointClient, Failure, NameUnknown
from tests.support.endpoints import Endpoint, answering, connections_begun, endpoint

NO_HOSTS: frozenset[str] = frozenset()
PRIVATE_ANSWERS = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "168.63.129.16",  # noqa: S104
    "169.254.169.254", "172.16.5.5", "192.0.0.192", "192.0.2.7", "192.88.99.1", "192.168.0.1", "198.18.0.5",
    "203.0.113.9", "224.0.0.251", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::7f00:1",
    "2002:7f00:1::1", "2002:808:808::1", "2001::7f00:1", "2001:db8::1", "2a00:1450::5efe:7f00:1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%lo", "::1%lo", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
"""What a name may lead to."""
PRIVATE_URLS = [
    "https://127.0.0.1:{port}/", "https://127.1:{port}/", "https://0:{port}/", "https://0.0.0.0:{port}/",
    "https://2130706433:{port}/", "https://0x7f000001:{port}/", "https://017700000001:{port}/", "https://0177.0.0.1:{port}/",
    "https://127.0.0.1.:{port}/", "https://localhost:{port}/", "https://localhost.:{port}/", "https://LOCALHOST:{port}/",
    "https://[::1]:{port}/", "https://[::]:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://[::ffff:7f00:1]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/", "https://[fe80::1%25lo]:{port}/", "https://[::1%25lo]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/", "http://127.0.0.1:{port}/", "http://a.example:{port}/",
    "https://user@127.0.0.1:{port}/", "https://a.example@127.0.0.1:{port}/", "https://127.0.0.1:{port}#@a.example/",
    "https://①②⑦.0.0.1:{port}/", "https://127。0。0。1:{port}/",
]  # fmt: skip
"""What an administrator may have written."""


async def by_the_c_library(host: str) -> Sequence[str]:
    """Reads more as an address than name servers do, such as `127.1`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        raise NameUnknown(host) from None
    return [str(address[0]) for *_, address in found]


@pytest.fixture
async def local() -> AsyncIterator[Endpoint]:
    """Listens on every address of this machine, old and new."""
    async with AsyncExitStack() as exits:
        old = await exits.enter_async_context(endpoint(answering(), host="0.0.0.0"))  # noqa: S104 - counts all
        new = await exits.enter_async_context(endpoint(answering(), host="::", port=old.port))
        new.connections = old.connections
        yield old


def test_there_are_sixty_of_them() -> None:
    assert len(PRIVATE_ANSWERS) + len(PRIVATE_URLS) >= 60


async def test_no_name_leads_to_an_address_that_is_not_public(local: Endpoint) -> None:
    tls = ssl.create_default_context()  # reading the authorities takes longer than all the rest
    with connections_begun() as begun:
        for address in PRIVATE_ANSWERS:

            async def lookup(_: str, address: str = address) -> Sequence[str]:
                return [address]

            outcome = await EndpointClient(lookup, NO_HOSTS, tls).post(f"https://a.example:{local.port}/", {}, b"{}")
            assert outcome.failure is Failure.ADDRESS_REFUSED, address
    assert (begun, local.connections) == ([], [])


async def test_no_url_leads_to_an_address_that_is_not_public(local: Endpoint) -> None:
    sender = EndpointClient(by_the_c_library, NO_HOSTS)
    with connections_begun() as begun:
        for url in PRIVATE_URLS:
            outcome = await sender.post(url.format(port=local.port), {}, b"{}")
            assert outcome.failure in {Failure.ADDRESS_REFUSED, Failure.NAME_UNKNOWN}, url
    assert (begun, local.connections) == ([], [])


async def test_control_without_the_check_connections_are_counted(
    monkeypatch: pytest.MonkeyPatch, local: Endpoint
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda _: True)
    sender = EndpointClient(by_the_c_library, NO_HOSTS)
    reaching = ("127.0.0.1:", "127.1:", "2130706433:", "localhost:", "[::1]:", "[::ffff:127.0.0.1]:")
    with connections_begun() as begun:
        for host in reaching:
            outcome = await sender.post(f"https://{host}{local.port}/", {}, b"{}")
            assert outcome.failure is not Failure.ADDRESS_REFUSED
    assert len(begun) >= len(reaching)
    assert len(local.connections) >= len(reaching)


async def test_a_host_that_is_named_may_be_private_and_no_other(local: Endpoint) -> None:
    sender = EndpointClient(by_the_c_library, frozenset({f"localhost:{local.port}"}))
    assert (await sender.post(f"http://localhost:{local.port}/hook", {}, b"{}")).status == 200
    assert (await sender.post(f"http://127.0.0.1:{local.port}/hook", {}, b"{}")).failure is Failure.ADDRESS_REFUSED


class Rebinding:
    """A name that leads to one address when it is first looked up, and to another ever after."""

    def __init__(self, first: str, later: str) -> None:
        self._later = later
        self._next = first
        self.lookups = 0

    async def lookup(self, _: str) -> Sequence[str]:
        self.lookups += 1
        found, self._next = self._next, self._later
        return [found]


@pytest.fixture
async def public(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    """127.0.0.2 stands for a public address."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.2")
    async with endpoint(answering(), host="127.0.0.2") as reached:
        yield reached


async def test_what_was_checked_is_connected_to_whatever_the_name_leads_to_later(public: Endpoint) -> None:
    name = Rebinding("127.0.0.2", "127.0.0.1")
    async with endpoint(answering(), host="127.0.0.1", port=public.port) as private:
        with connections_begun() as begun:
            await EndpointClient(name.lookup, NO_HOSTS).post(f"https://a.example:{public.port}/", {}, b"{}")
        assert (begun, name.lookups) == (["127.0.0.2"], 1)
        assert (len(public.connections), len(private.connections)) == (1, 0)


async def test_control_who_looks_the_name_up_again_is_led_to_the_other(
    monkeypatch: pytest.MonkeyPatch, public: Endpoint
) -> None:
    name, connected = Rebinding("127.0.0.2", "127.0.0.1"), client._connected

    async def by_name(_: str, port: int) -> socket.socket:
        return await connected((await name.lookup("a.example"))[0], port)

    monkeypatch.setattr(client, "_connected", by_name)
    async with endpoint(answering(), host="127.0.0.1", port=public.port) as private:
        await EndpointClient(name.lookup, NO_HOSTS).post(f"https://a.example:{public.port}/", {}, b"{}")
        assert (len(public.connections), len(private.connections)) == (0, 1)


async def test_an_address_that_does_not_answer_is_followed_by_the_next_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: address != "127.0.0.1")

    async def lookup(_: str) -> Sequence[str]:
        return ["127.0.0.3", "127.0.0.1", "127.0.0.2"]

    async with endpoint(answering(), host="127.0.0.2") as public:
        with connections_begun() as begun:
            await EndpointClient(lookup, NO_HOSTS).post(f"https://a.example:{public.port}/", {}, b"{}")
    assert begun == ["127.0.0.3", "127.0.0.2"]


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, local: Endpoint) -> None:
    async with endpoint(answering(502)) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        sender = EndpointClient(by_the_c_library, frozenset({f"localhost:{local.port}"}))
        assert (await sender.post(f"http://localhost:{local.port}/", {}, b"{}")).status == 200
        assert proxy.connections == []
