"""What a gateway's process holds: public keys of whoever issues tokens, and no private key but its own internal one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from shared.auth.jwk import new_private_keys, parse_private_keys
from shared.auth.trust import GATEWAY
from stack.services import SERVICE_NAMES
from tests.integration.gateway.edge import NOWHERE
from tests.support.databases import redis_url
from tests.support.internal_keys import internal_private_key, internal_settings
from tests.support.providers import speaking_as_we_do
from tests.support.service_process import REPOSITORY

LOOK = """
import asyncio, gc, json, sys
import jwt
from gateway.app import create_gateway
from gateway.settings import GatewaySettings
from shared.auth.jwk import parse_private_keys
from shared.http.server.listener import listening

async def look():
    careless = [parse_private_keys(open(name).read()) for name in sys.argv[1:]]
    async with listening(create_gateway(GatewaySettings()), "127.0.0.1", 0, shutdown_timeout=1):
        held = [each for each in gc.get_objects() if isinstance(each, jwt.PyJWK)]
        private = {each.key_id for each in held if hasattr(each.key, "private_bytes")}
        public = {each.key_id for each in held} - private
        print(json.dumps({"private": sorted(private), "public": sorted(public), "modules": sorted(sys.modules)}))

asyncio.run(look())
"""


def held_by_a_gateway(folder: Path, *careless: Path) -> dict[str, Any]:
    """Names of keys and modules in a process of its own, which trusts accounts and an outside provider."""
    jwk = json.loads(new_private_keys())["keys"][0] | {"kid": "outside"}
    file = folder / "outside.json"
    file.write_text(json.dumps({"keys": [{name: value for name, value in jwk.items() if name != "d"}]}))
    provider = speaking_as_we_do(file) | {"key_set_file": str(file)}
    environment = {
        **os.environ,
        **{name.upper(): str(value) for name, value in internal_settings("gateway").items()},
        **{f"{name.upper()}_URL": NOWHERE for name in SERVICE_NAMES},
        "REDIS_URL": redis_url(),
        "PROVIDERS": json.dumps([provider]),
    }
    command = [sys.executable, "-c", LOOK, *map(str, careless)]
    ended = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_gateway_holds_no_private_key_but_its_own_and_checks_no_password(tmp_path: Path) -> None:
    held = held_by_a_gateway(tmp_path)
    assert held["private"] == [internal_private_key(GATEWAY)[0]]
    assert "outside" in held["public"]
    assert not [name for name in held["modules"] if name.partition(".")[0] in ("argon2", "services")]


def test_control_an_issuers_key_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "issuer.json"
    file.write_text(new_private_keys())
    assert parse_private_keys(file.read_text()).key_id in held_by_a_gateway(tmp_path, file)["private"]
