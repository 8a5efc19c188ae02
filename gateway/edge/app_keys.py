"""What the gateway's handlers share: the parts `app.py` builds, and the passage through the gate."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.admission.gate import Gate, client_network
from gateway.auth.client_token import ClientToken
from gateway.auth.issuer import Issuer
from gateway.routes import Router
from gateway.settings import GatewaySettings
from gateway.upstream.proxy import Proxy
from shared.auth.signing import InternalSigner
from shared.http.body_budget import CALLER
from shared.http.responses import api_error, failure
from shared.http.server.unadmitted import COUNTED

SIGNER: web.AppKey[InternalSigner] = web.AppKey("signer")
SETTINGS = web.AppKey("settings", GatewaySettings)
GATE = web.AppKey("gate", Gate)
PROXY = web.AppKey("proxy", Proxy)
ROUTER = web.AppKey("router", Router)
ISSUER: web.AppKey[Issuer | None] = web.AppKey("issuer")


TokenHandler = Callable[[ClientToken], Awaitable[web.Response]]


async def with_token(request: web.Request, handler: TokenHandler, *, logging_out: bool = False) -> web.Response:
    """The handler's answer for a request that gets in. From the limiter on, every answer carries the limit.

    Raises what `Gate.admit` raises.
    """
    gate, authorization = request.app[GATE], request.headers.getall("Authorization", [])
    request[COUNTED] = True
    admission = await gate.admit(authorization, client_address(request))
    request[CALLER] = admission.token.rate_key
    try:
        token = await gate.require_logout(admission) if logging_out else admission.require()
        response = await handler(token)
    except Exception as error:
        response = failure(api_error(error)).response()
    response.headers.update(admission.decision.headers())
    return response


def client_address(request: web.Request) -> str:
    forwarded_for = request.headers.getall("X-Forwarded-For", [])
    return client_network(request.remote or "", forwarded_for, request.app[SETTINGS].trusted_proxies)
