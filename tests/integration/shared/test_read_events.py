"""Controls of what looks at every event of the suite: tests/support/read_events.py."""

import json
from typing import Any

import aio_pika
import pytest

from shared.events.cloudevents import CONTENT_TYPE
from tests.support.broker import Broker
from tests.support.events import encoded, enrollment
from tests.support.eventually import eventually
from tests.support.read_events import complaint_about, every_event_read


def good() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded(enrollment(2**40, 301))[1])
    return body


def test_an_event_of_ours_is_one() -> None:
    assert complaint_about(json.dumps(good()).encode()) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"source": ""}, "source"),
        ({"source": "/services/enrollment"}, "source"),
        ({"dataschema": "/schemas/x.json"}, "dataschema"),
        ({"id": None}, "id"),
        ({"specversion": "0.9"}, "specversion"),
        ({"organisationid": 2**40}, "string"),
        ({"requestId": "x"}, "requestId"),
        ({"counted": 2**31}, "counted"),
        ({"type": "training.enrollment.created.v2"}, "training.enrollment.created.v2"),
        ({"data": {**good()["data"], "status": "dreaming"}}, "dreaming"),
        ({"data": {"id": 1, "version": 1}}, "required"),
    ],
)
def test_control_what_is_wrong_with_an_event_is_said(changes: dict[str, Any], complaint: str) -> None:
    assert complaint in str(complaint_about(json.dumps(good() | changes).encode()))


@pytest.mark.parametrize("attribute", ["id", "specversion", "time", "dataschema", "organisationid"])
def test_control_an_attribute_that_is_missing_is_named(attribute: str) -> None:
    body = good()
    del body[attribute]
    assert attribute in str(complaint_about(json.dumps(body).encode()))


async def read_from(broker: Broker, *bodies: dict[str, Any]) -> None:
    """Published while somebody reads every event; AssertionError if one is none."""
    async with every_event_read(broker.exchange.name) as read:
        for body in (*bodies, good()):
            message = aio_pika.Message(json.dumps(body).encode(), content_type=CONTENT_TYPE)
            await broker.exchange.publish(message, "enrollment.created", mandatory=False)

        async def last_one() -> bool:
            return bool(read)

        await eventually(last_one)


async def test_events_of_an_exchange_are_read(broker: Broker) -> None:
    await read_from(broker)


async def test_control_what_is_no_event_is_noticed(broker: Broker) -> None:
    with pytest.raises(AssertionError, match="dreaming"):
        await read_from(broker, good() | {"data": {**good()["data"], "status": "dreaming"}})
