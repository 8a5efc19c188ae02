"""Where a request comes from."""

from gateway.admission.gate import client_network
from shared.http.request import Request


class ClientAddress:
    """The address that a client is limited by; the last `trusted_proxies` ones are those of our own proxies."""

    def __init__(self, trusted_proxies: int) -> None:
        self._trusted_proxies = trusted_proxies

    def __call__(self, request: Request) -> str:
        return client_network(request.peer, request.headers.getall("X-Forwarded-For", []), self._trusted_proxies)
