"""What a gateway's process loads: every module costs it memory and the time of its start."""

import json
import subprocess
import sys

DRIVERS = {"asyncpg", "aio_pika", "aiormq", "pamqp"}
OF_ISSUERS = {"argon2", "services", "stack"}
"""Whoever verifies tokens checks no passwords, and has nothing of the services that issue them."""


def loaded_by(imports: str) -> set[str]:
    """The packages that a process has loaded after these imports."""
    code = f"import json, sys, {imports}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    return set(json.loads(ended.stdout))


def test_a_gateway_loads_no_driver_of_database_or_broker() -> None:
    loaded = loaded_by("gateway.__main__, gateway.app")
    assert "aiohttp" in loaded
    assert not loaded & DRIVERS


def test_a_gateway_loads_nothing_that_issues_tokens() -> None:
    assert not loaded_by("gateway.__main__, gateway.app") & OF_ISSUERS


def test_control_what_a_service_is_made_of_loads_them() -> None:
    assert loaded_by("gateway.app, shared.postgres.pool, shared.messaging.broker") >= DRIVERS


def test_control_what_issues_them_loads_it() -> None:
    assert loaded_by("services.accounts.passwords") >= OF_ISSUERS - {"stack"}
