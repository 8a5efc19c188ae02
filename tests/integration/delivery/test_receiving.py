"""The example of docs/how-to/receive-webhooks.md receives what is sent, and refuses what others sign."""

import re
import textwrap
from typing import Any

import pytest
from aiohttp import web

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.papers import ROOT, text_of
from tests.support.stack import RECEIVER_PORT, serving
from tests.support.world import WEBHOOKS, enroll, new_course, new_employee, new_session

URL = f"http://localhost:{RECEIVER_PORT}/muster"


def example() -> dict[str, Any]:
    """The receiver without the client: the page's first."""
    code, *_ = re.findall(r"```python\n(.*?)```", text_of(ROOT / "docs/how-to/receive-webhooks.md"), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(textwrap.dedent(code), namespace)  # noqa: S102 - the page's own example
    return namespace


async def test_the_example_keeps_the_newest_of_each_row(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await admin.post(WEBHOOKS, {"url": URL, "types": ["training.enrollment.*"]})
    monkeypatch.setenv("WEBHOOK_SECRET", made.data["secret"])
    receiver = example()
    app: web.Application = receiver["app"]
    async with serving(app, RECEIVER_PORT):
        [enrollment] = await enroll(admin, await new_session(admin, await new_course(admin)), await new_employee(admin))
        await admin.patch(f"/api/v1/training/enrollments/{enrollment}/cancel")

        async def newest() -> bool:
            kept = receiver["newest"].get(f"enrollments/{enrollment}")
            return kept is not None and kept["data"]["status"] == "cancelled"

        await eventually(newest)
        monkeypatch.setenv("WEBHOOK_SECRET", "whsec_c29tZWJvZHkgZWxzZQ==")
        await admin.post(f"{made.headers['Location']}/test", None)

        async def refused() -> bool:
            attempts = (await admin.get(f"{made.headers['Location']}/attempts")).data
            return [each["status"] for each in attempts[:1]] == [401]

        await eventually(refused)
    assert (await admin.delete(made.headers["Location"])).status == 200
