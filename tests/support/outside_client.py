"""Programs of others, which know nothing but a public address: what they send there reaches accounts as the gateway
passes it on."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

ADDRESS = "https://muster.example"


class AsGateway(HTTPAdapter):
    """Of what is sent to `ADDRESS`, accounts at `url` gets what the gateway lets through."""

    def __init__(self, url: str, internal_token: str) -> None:
        super().__init__()
        self._url = url
        self._token = internal_token

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        headers = request.headers
        headers["X-Client-Authorization"] = headers.pop("Authorization", "")
        headers.update(
            {
                "Authorization": f"Bearer {self._token}",
                "X-Forwarded-Host": str(parts.netloc),
                "X-Forwarded-Proto": str(parts.scheme),
                "X-Client-Address": "192.0.2.7",
            }
        )
        request.url = f"{self._url}{parts.path!s}" + (f"?{parts.query!s}" if parts.query else "")
        return super().send(request, *args, **kwargs)
