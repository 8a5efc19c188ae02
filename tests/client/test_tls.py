"""A server with a certificate: one that is trusted, and one that is not."""

from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.muster_command import environment, muster_with
from tests.support.proxy import proxy_for
from tests.support.tls import Tls


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_that_nobody_trusts_is_said_and_control_one_that_is_trusted(
    admin: Client, tmp_path: Path, trusted: bool
) -> None:
    tls = Tls.made(tmp_path)
    async with proxy_for(admin.url.replace("http:", "https:"), tls=tls.context) as (_, url):
        trust = {"SSL_CERT_FILE": str(tls.trusted)} if trusted else {}
        variables = environment(url, MUSTER_TOKEN=str(admin.token), **trust)
        ended = await muster_with(variables, tmp_path, "courses", "list", "--json")
    if trusted:
        assert (ended.status, ended.errors) == (0, "")
    else:
        assert (ended.status, ended.output) == (2, "")
        assert f"{url} cannot be reached" in ended.errors
        assert "certificate" in ended.errors.lower()
        assert "Traceback" not in ended.errors


async def test_a_server_that_speaks_no_tls_is_said(admin: Client, tmp_path: Path) -> None:
    url = admin.url.replace("http:", "https:")
    ended = await muster_with(environment(url, MUSTER_TOKEN=str(admin.token)), tmp_path, "courses", "list")
    assert (ended.status, ended.output) == (2, "")
    assert f"{url} cannot be reached" in ended.errors
    assert "Traceback" not in ended.errors
