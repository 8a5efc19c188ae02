"""The gateway in front of tokens that a provider issues which nobody here wrote (docs/faults.md)."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.remote_jwks import RemoteKeySet
from tests.outsiders.conftest import CLAIMS, COOLDOWN, ORGANISATION, TENANT, settings
from tests.outsiders.oidc_provider import ALGORITHMS, Algorithm, OidcProvider, new_keys
from tests.support.accounts import PASSWORD, new_user
from tests.support.client import Answer, Client, new_organisation
from tests.support.eventually import eventually
from tests.support.stack import Stack, running_stack
from tests.support.world import COURSES, enroll, new_course, new_employee, new_session

ME = "/api/v1/auth/me"
LOGIN = "/api/v1/auth/login"

Forge = Callable[[OidcProvider, str], str]

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Asked:
    """What clients of both providers get; who signed in at accounts must never notice the other one."""

    stack: Stack
    provider: OidcProvider
    colleague: Client

    def client(self, token: str) -> Client:
        return Client(self.stack.http, self.stack.gateway_url, token)

    async def token(self, algorithm: Algorithm | None = "ES256") -> str:
        return await self.provider.token(self.stack.http, algorithm)

    async def said(self, token: str) -> Answer:
        """The answer of a service to a client with this token."""
        assert (await self.colleague.get(COURSES)).status == 200
        answer = await self.client(token).get(COURSES)
        assert answer.status != 503 or int(answer.headers["Retry-After"]) >= 1
        return answer

    async def becomes(self, status: int, token: str, *, allowed: set[int]) -> None:
        """Asks until the answer has this status; all before have an allowed one."""

        async def has_become() -> bool:
            answer = await self.said(token)
            if answer.status not in {status, *allowed}:
                pytest.fail(answer.text)
            return answer.status == status

        await eventually(has_become)


@pytest.fixture
async def asked(trusting: Stack, provider: OidcProvider) -> Asked:
    return await asked_at(trusting, provider)


async def asked_at(stack: Stack, provider: OidcProvider) -> Asked:
    user = await new_user(stack, new_organisation())
    answer = await stack.anonymous().post(LOGIN, {"email": user.email, "password": PASSWORD})
    asked = Asked(stack, provider, Client(stack.http, stack.gateway_url, answer.data["token"]))
    await asked.becomes(200, await asked.token(), allowed={503})
    return asked


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_client_of_the_provider_enrolls_somebody(asked: Asked, algorithm: Algorithm) -> None:
    token = await asked.token(algorithm)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    client = asked.client(token)
    await enroll(client, await new_session(client, await new_course(client)), await new_employee(client))
    assert (await client.get(COURSES)).json["meta"]["total"] >= 1
    assert (await asked.colleague.get(COURSES)).json["meta"]["total"] == 0


async def test_a_token_says_who_its_client_is_as_the_map_reads_it(asked: Asked) -> None:
    described = (await asked.client(await asked.token()).get(ME)).data
    assert described["user_type"] == "service"
    assert described["name"] == CLAIMS["display_name"]
    assert set(described["permissions"]) == {"api.access", "training.view", "training.enroll", "training.manage"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_after_a_rotation_new_keys_count_without_a_401_and_old_ones_no_longer(
    asked: Asked, algorithm: Algorithm
) -> None:
    before = await asked.token(algorithm)
    assert (await asked.said(before)).status == 200
    await asked.provider.rotate()
    await asked.becomes(200, await asked.token(algorithm), allowed={503})
    assert (await asked.said(before)).status == 401


async def test_a_key_that_is_added_counts_beside_the_one_before(asked: Asked) -> None:
    before = await asked.token()
    asked.provider.keys = [*new_keys(), *asked.provider.keys]
    await asked.provider.restart()
    await asked.becomes(200, await asked.token(), allowed={503})
    assert (await asked.said(before)).status == 200


async def test_while_the_provider_is_gone_known_keys_count_and_nobody_is_called_wrong(asked: Asked) -> None:
    tokens = [await asked.token(algorithm) for algorithm in ALGORITHMS]
    await asked.provider.stop()
    unknown = forged(tokens[0], key=ec.generate_private_key(ec.SECP256R1()), kid="unknown")
    for _ in range(3):
        assert [(await asked.said(token)).status for token in tokens] == [200, 200]
        assert (await asked.said(unknown)).status == 503
    assert (await asked.said(forged(tokens[1], key=ec.generate_private_key(ec.SECP256R1())))).status == 401
    await asked.provider.start()
    await asked.becomes(401, unknown, allowed={503})
    assert (await asked.said(await asked.token())).status == 200


async def test_control_without_the_last_good_keys_everybody_is_kept_out(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await asked.token()
    fetch = RemoteKeySet._fetch

    async def forgetful(keys: RemoteKeySet) -> None:
        keys.keys = {}
        await fetch(keys)

    monkeypatch.setattr(RemoteKeySet, "_fetch", forgetful)
    await asked.provider.stop()
    unknown = forged(token, key=ec.generate_private_key(ec.SECP256R1()), kid="unknown")

    async def is_kept_out() -> bool:
        await asked.said(unknown)
        return (await asked.said(token)).status == 503

    await eventually(is_kept_out)


async def test_a_gateway_that_starts_while_the_provider_is_gone_serves_the_others(provider: OidcProvider) -> None:
    await provider.stop()
    async with running_stack(providers=[settings(provider)], key_set_cooldown=COOLDOWN) as stack:
        user = await new_user(stack, new_organisation())
        signed_in = await stack.anonymous().post(LOGIN, {"email": user.email, "password": PASSWORD})
        colleague = Client(stack.http, stack.gateway_url, signed_in.data["token"])
        assert (await colleague.get(COURSES)).status == 200
        await provider.start()
        asked = Asked(stack, provider, colleague)
        await asked.becomes(200, await asked.token(), allowed={503})


def forged(token: str, *, key: Any, kid: str | None = None, algorithm: str = "ES256", **claims: Any) -> str:
    """The same claims but for some, signed with another key."""
    found = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    return jwt.encode(found | claims, key, algorithm, headers={"kid": kid or header["kid"], "typ": header["typ"]})


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _changed(_: OidcProvider, token: str) -> str:
    """Other claims under the provider's signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{_b64(json.dumps({**claims, 'sub': 'somebody else'}).encode())}.{signature}"


def _unsigned(_: OidcProvider, token: str) -> str:
    return forged(token, key=None, algorithm="none")


def _by_another_key(_: OidcProvider, token: str) -> str:
    return forged(token, key=ec.generate_private_key(ec.SECP256R1()))


def _by_its_public_key(provider: OidcProvider, token: str) -> str:
    """The published key as if it were a secret that both sides know (RFC 8725, section 2.1)."""
    header = {**jwt.get_unverified_header(token), "alg": "HS256"}
    signed = f"{_b64(json.dumps(header).encode())}.{token.split('.')[1]}"
    secret = provider.public_key("ES256").public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{signed}.{_b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _in_the_name_of_accounts(_: OidcProvider, token: str) -> str:
    return forged(token, key=ec.generate_private_key(ec.SECP256R1()), iss="muster", aud="muster-api", org=1)


FORGERIES: tuple[Forge, ...] = (_changed, _unsigned, _by_another_key, _by_its_public_key, _in_the_name_of_accounts)


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_forged_token_is_refused(asked: Asked, forge: Forge) -> None:
    await asked.becomes(401, forge(asked.provider, await asked.token()), allowed={503})


@pytest.mark.parametrize(
    "claims",
    [
        {**CLAIMS, "tenant": {"id": "of another"}},
        {**CLAIMS, "tenant": {"id": ORGANISATION}},
        {**CLAIMS, "tenant": TENANT},
        {"groups": CLAIMS["groups"], "org": ORGANISATION},
        {"tenant": CLAIMS["tenant"], "permissions": ["api.access", "training.view"]},
        {**CLAIMS, "groups": {"training-leads": True}},
    ],
    ids=["unknown tenant", "organisation as tenant", "tenant of another type", "no tenant", "no groups", "no list"],
)
async def test_what_the_provider_says_in_other_words_is_refused(asked: Asked, claims: Mapping[str, Any]) -> None:
    asked.provider.claims = claims
    await asked.provider.restart()
    assert (await asked.said(await asked.token())).status == 401


async def test_a_token_for_another_audience_is_refused(asked: Asked) -> None:
    asked.provider.audience = "payroll"
    await asked.provider.restart()
    assert (await asked.said(await asked.token())).status == 401


async def test_a_token_that_only_its_provider_can_read_is_refused(asked: Asked) -> None:
    opaque = await asked.token(None)
    assert "." not in opaque
    assert (await asked.said(opaque)).status == 401


async def test_a_client_may_what_its_groups_may(asked: Asked) -> None:
    asked.provider.claims = {**CLAIMS, "groups": ["everyone", "unheard of"]}
    await asked.provider.restart()
    answer = await asked.said(await asked.token())
    assert (answer.status, answer.json["message"]) == (403, "This needs the permission training.view.")
