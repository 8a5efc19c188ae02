"""What is sent of an event."""

import json

from services.delivery.sending.message import body_of

EVENT = (
    '{"specversion": "1.0",  "id": "a", "subject": "courses/7",'
    ' "dataschema": "x", "datacontenttype": "y", "data": {"é": 1}}'
)


def test_an_event_is_sent_byte_for_byte() -> None:
    assert body_of(EVENT, thin=False) == EVENT


def test_a_thin_one_has_all_but_its_data() -> None:
    assert json.loads(body_of(EVENT, thin=True)) == {"specversion": "1.0", "id": "a", "subject": "courses/7"}


def test_a_thin_one_is_as_short_as_text_can_be() -> None:
    assert body_of('{"subject": "é", "data": {}}', thin=True) == '{"subject": "é"}'
