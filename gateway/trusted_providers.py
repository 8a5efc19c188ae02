"""Whose tokens this process accepts, made from its settings: accounts and the outside providers, or one alone."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import aiohttp

from gateway.auth.client_claims import mapped_claims, outside_claims
from gateway.auth.client_token import Provider
from gateway.auth.key_sources import FileKeys, KeySource
from gateway.auth.own_requests import OwnRequests
from gateway.auth.providers import ProviderSettings
from gateway.auth.remote_jwks import RemoteKeySet
from gateway.settings import GatewaySettings
from shared.concurrency.tasks import background

OWN_KEYS: Final = "/.well-known/jwks.json"
OWN_COOLDOWN: Final = 0.1
OWN_PAUSE: Final = 2.0
"""Seconds between two looks at the keys of accounts, which is near: what is changed there soon holds here."""

Check = Callable[[], Awaitable[bool]]


async def trusted_providers(
    settings: GatewaySettings,
    session: aiohttp.ClientSession,
    own_requests: OwnRequests,
    readiness: dict[str, Check],
    stack: AsyncExitStack,
) -> list[Provider]:
    """Reads their keys for as long as `stack` is open, and adds to `readiness` what tells that it can be done.

    A provider that cannot be reached takes nobody else's tokens with it.
    """
    if settings.key_set_url is not None:
        key_set = _key_set(settings, session, settings.key_set_url, settings.token_issuer)
        await _follow(key_set, stack)
        readiness["key_set"] = key_set.has_been_read
        return [_the_only_one(settings, key_set)]
    own_keys = RemoteKeySet(
        session,
        f"{settings.accounts_url}{OWN_KEYS}",
        OWN_COOLDOWN,
        issuer=settings.token_issuer,
        pause=OWN_PAUSE,
        headers=own_requests.headers_of_anybody,
    )
    await _follow(own_keys, stack)
    readiness["key_set"] = own_keys.has_been_read
    outside = [await _outside(settings, session, provider, stack) for provider in settings.providers]
    return [_accounts(settings, own_keys), *outside]


def _accounts(settings: GatewaySettings, keys: KeySource) -> Provider:
    secret = settings.client_token_secret
    return Provider(
        settings.token_issuer,
        settings.token_audience,
        settings.token_algorithms,
        keys,
        secret=secret.get_secret_value() if secret is not None else None,
    )


def _the_only_one(settings: GatewaySettings, keys: KeySource) -> Provider:
    """Of KEY_SET_URL: it speaks as accounts does, and what accounts issues does not count."""
    return Provider(
        settings.token_issuer, settings.token_audience, settings.token_algorithms, keys, read=outside_claims
    )


async def _outside(
    settings: GatewaySettings, session: aiohttp.ClientSession, provider: ProviderSettings, stack: AsyncExitStack
) -> Provider:
    keys: KeySource
    if provider.key_set_file is not None:
        keys = FileKeys(provider.key_set_file)
    else:
        url = provider.metadata_url or provider.key_set_url or ""
        keys = _key_set(settings, session, url, provider.issuer, described=provider.metadata_url is not None)
        await _follow(keys, stack)
    return Provider(
        provider.issuer,
        provider.audience,
        frozenset(provider.algorithms),
        keys,
        read=mapped_claims(provider.claims),
        is_one_of_several=True,
    )


def _key_set(
    settings: GatewaySettings, session: aiohttp.ClientSession, url: str, issuer: str, *, described: bool = False
) -> RemoteKeySet:
    return RemoteKeySet(session, url, settings.key_set_cooldown, issuer=issuer, described=described)


async def _follow(keys: RemoteKeySet, stack: AsyncExitStack) -> None:
    await stack.enter_async_context(background(keys.keep_fresh(), name=f"keys of {keys.issuer}"))
