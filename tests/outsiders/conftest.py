"""The whole system, whose gateway accepts the tokens of accounts and of one outside provider."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.outsiders.oidc_provider import ALGORITHMS, AUDIENCE, OidcProvider, oidc_provider
from tests.support.client import new_organisation
from tests.support.stack import Stack, running_stack

TENANT = "6f7c2d0e-5a1b-4a38-9f55-0f2f3a3d5c11"
ORGANISATION = new_organisation()
COOLDOWN = 0.5
CLAIMS = {"tenant": {"id": TENANT}, "groups": ["training-leads", "everyone"], "display_name": "Learning platform"}
CLAIM_MAP = {
    "organisation": {"path": "tenant.id", "map": {TENANT: ORGANISATION}},
    "name": "display_name",
    "user_type": {"value": "service"},
    "roles": "groups",
    "role_permissions": {
        "training-leads": ["api.access", "training.view", "training.enroll", "training.manage"],
        "everyone": ["api.access"],
    },
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They need installed programs."""
    if "OUTSIDERS" not in os.environ:
        for item in items:
            if "tests/outsiders" in item.nodeid:
                item.add_marker(pytest.mark.skip(reason="./dev outsiders runs it"))


@pytest.fixture(scope="session")
async def whole_provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OidcProvider]:
    async with oidc_provider(tmp_path_factory.mktemp("provider"), CLAIMS) as provider:
        yield provider


@pytest.fixture
async def provider(whole_provider: OidcProvider) -> AsyncIterator[OidcProvider]:
    """It runs again after each test, and issues its usual tokens."""
    yield whole_provider
    usual = (CLAIMS, AUDIENCE)
    if not whole_provider.is_running or (whole_provider.claims, whole_provider.audience) != usual:
        whole_provider.claims, whole_provider.audience = usual
        await whole_provider.restart()


@pytest.fixture(scope="session")
async def trusting(whole_provider: OidcProvider) -> AsyncIterator[Stack]:
    async with running_stack(providers=[settings(whole_provider)], key_set_cooldown=COOLDOWN) as stack:
        yield stack


def settings(provider: OidcProvider) -> dict[str, Any]:
    """An entry of PROVIDERS."""
    return {
        "issuer": provider.issuer,
        "audience": AUDIENCE,
        "metadata_url": provider.metadata_url,
        "algorithms": list(ALGORITHMS),
        "claims": CLAIM_MAP,
    }
