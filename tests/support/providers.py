"""Outside providers as installations have them: what Entra and Keycloak put in their tokens, and the maps that read it
as docs/operations.md has them."""

import time
from pathlib import Path
from typing import Any

ENTRA_TENANT = "6f0b5c1e-2f0d-4f7e-9a64-1f4a3d6f6a10"
ENTRA_ISSUER = f"https://login.microsoftonline.com/{ENTRA_TENANT}/v2.0"
ENTRA_AUDIENCE = "0c1d2e3f-4a5b-6c7d-8e9f-a0b1c2d3e4f5"
ENTRA_PROGRAM = "b1a2c3d4-0000-4111-8222-933344455566"
ENTRA_MAP: dict[str, Any] = {
    "organisation": {"path": "tid", "map": {ENTRA_TENANT: 7}},
    "subject": "oid",
    "name": "name",
    "person": "employeeid",
    "user_type": {"path": "idtyp", "map": {"app": "service", "user": "staff"}, "default": "staff"},
    "permissions": {"path": "scp", "map": {"Training.Read": "training.view", "Training.Use": "api.access"}},
    "roles": "roles",
    "role_permissions": {
        "Training.Manager": ["api.access", "training.view", "training.enroll", "training.manage"],
        "Training.Sync": ["api.access", "training.view"],
    },
    "token_id": "uti",
    "require": {"ver": "2.0", "azp": [ENTRA_PROGRAM]},
}

KEYCLOAK_ISSUER = "https://id.example/realms/acme"
KEYCLOAK_AUDIENCE = "muster"
KEYCLOAK_MAP: dict[str, Any] = {
    "organisation": {"value": 8},
    "name": "preferred_username",
    "person": "employee_id",
    "companies": "company_ids",
    "user_type": {"value": "staff"},
    "roles": "realm_access.roles",
    "role_permissions": {
        "trainer": ["api.access", "training.view", "training.record"],
        "coordinator": ["api.access", "training.view.company", "training.enroll.company"],
    },
    "require": {"typ": "Bearer"},
}

OUTSIDE_ISSUER = "https://outside.example"
OUR_OWN_NAMES: dict[str, Any] = {
    "organisation": {"path": "org", "any_organisation": True},
    "name": "name",
    "user_type": "user_type",
    "person": "employee_id",
    "companies": "company_ids",
    "permissions": "permissions",
    "rate_limit": "rate_limit",
}


def speaking_as_we_do(key_set_file: Path) -> dict[str, Any]:
    """A provider whose tokens are as those of accounts but for their issuer, and signed by the keys of this file."""
    return {
        "issuer": OUTSIDE_ISSUER,
        "audience": "muster-api",
        "key_set_file": key_set_file,
        "claims": OUR_OWN_NAMES,
    }


def _current() -> dict[str, int]:
    now = int(time.time())
    return {"iat": now, "nbf": now, "exp": now + 3600}


def entra_claims(**changes: Any) -> dict[str, Any]:
    """Of a user's access token, version 2.0; `...` removes a claim."""
    claims = {
        "aud": ENTRA_AUDIENCE,
        "iss": ENTRA_ISSUER,
        **_current(),
        "aio": "ATQAy/8TAAAA",
        "azp": ENTRA_PROGRAM,
        "azpacr": "1",
        "name": "Hannah Reed",
        "oid": "2f4a0b1c-5d6e-4f70-8a9b-0c1d2e3f4a5b",
        "preferred_username": "hannah@example.com",
        "rh": "0.AX0A",
        "roles": ["Training.Manager"],
        "scp": "Training.Use Training.Read",
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "tid": ENTRA_TENANT,
        "uti": "Sd9fE1pYwEq6kz0oVbUGAA",
        "ver": "2.0",
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def keycloak_claims(**changes: Any) -> dict[str, Any]:
    """Of a user's access token of Keycloak 26."""
    current = {name: value for name, value in _current().items() if name != "nbf"}
    claims = {
        **current,
        "jti": "onrtac:5f0c2a7e-8f7b-4b0e-8d5e-1f6a7b8c9d0e",
        "iss": KEYCLOAK_ISSUER,
        "aud": [KEYCLOAK_AUDIENCE, "account"],
        "sub": "b5a1f6d2-7c3e-4d8f-9a0b-1c2d3e4f5a6b",
        "typ": "Bearer",
        "azp": "portal",
        "sid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        "acr": "1",
        "realm_access": {"roles": ["offline_access", "trainer", "uma_authorization"]},
        "resource_access": {"account": {"roles": ["view-profile"]}},
        "scope": "openid profile email",
        "preferred_username": "hannah",
        "employee_id": "42",
        "company_ids": ["7", "9"],
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}
