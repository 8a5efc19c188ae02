"""From an event of the system to the endpoint of a webhook, through all processes."""

import json

from standardwebhooks import Webhook

from tests.support.client import Client
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.stack import RECEIVER_PORT
from tests.support.webhooks import Received
from tests.support.world import WEBHOOKS, enroll, new_course, new_employee, new_session

URL = f"http://localhost:{RECEIVER_PORT}/hook"


async def test_an_enrollment_is_sent_to_a_webhook(admin: Client) -> None:
    received = Received()
    async with endpoint(received, port=RECEIVER_PORT):
        made = await admin.post(WEBHOOKS, {"url": URL, "types": ["training.enrollment.*"]})
        assert made.status == 201, made.text
        [enrollment] = await enroll(admin, await new_session(admin, await new_course(admin)), await new_employee(admin))

        async def arrived() -> bool:
            return len(received.requests) == 1

        await eventually(arrived)
        assert (await admin.delete(made.headers["Location"])).status == 200
    ((headers, body),) = received.requests
    event = Webhook(made.data["secret"]).verify(body, headers)
    assert event == json.loads(body)
    assert (event["type"], event["data"]["id"]) == ("training.enrollment.created.v1", enrollment)
