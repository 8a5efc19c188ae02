import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.cloudevents import EventInvalid, decode, encode
from shared.events.states import State
from shared.events.types import STATE_OF, Event
from shared.observability import Trace, new_traceparent, own_trace
from shared.validation.fields import MAX_ID
from tests.support.events import course, encoded, enrollment, person, session
from tests.support.read_events import complaint_about
from tests.support.strategies import ANY_EVENT, JSON, events


def envelope_of(event: Event[Any]) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(encoded(event)[1])
    return envelope


def decoded(envelope: Any) -> Event[State]:
    return decode(json.dumps(envelope).encode())


@pytest.mark.parametrize("event_type", STATE_OF)
@given(data=st.data())
def test_every_event_comes_back_as_it_went(event_type: type[Event[State]], data: st.DataObject) -> None:
    event = data.draw(events(event_type))
    back = decode(encoded(event)[1].encode())
    assert back == event
    assert type(back) is event_type
    assert back.trace == event.trace


@settings(max_examples=50)
@given(event=ANY_EVENT)
def test_others_read_every_event(event: Event[State]) -> None:
    assert complaint_about(encoded(event)[1].encode()) is None


def event_types(parent: type[Event[Any]] = Event) -> set[type[Event[Any]]]:
    """Those that can be sent: the ones with a type."""
    return {each for child in parent.__subclasses__() for each in (child, *event_types(child)) if hasattr(each, "type")}


def test_every_event_type_there_is_can_be_read_again() -> None:
    assert event_types() == set(STATE_OF)


def test_the_envelope_is_a_cloudevent_of_version_1_but_for_what_the_database_knows() -> None:
    trace = Trace("request-0001", new_traceparent())
    event = enrollment(7, 301, version=2, status="completed", score=82)
    event_id, body = encode(type(event)(7, event.data, trace))
    envelope = json.loads(body)
    assert envelope.pop("data")["score"] == 82
    assert envelope == {
        "specversion": "1.0",
        "id": str(event_id),
        "type": "training.enrollment.completed.v1",
        "subject": "enrollments/301",
        "datacontenttype": "application/json",
        "organisationid": "7",
        "traceparent": trace.traceparent,
        "requestid": "request-0001",
    }


def test_the_state_of_the_trace_is_there_where_the_request_had_one() -> None:
    event = enrollment(7, 301)
    with_state = type(event)(7, event.data, Trace("request-0001", new_traceparent(), "rojo=1,congo=t61"))
    envelope = envelope_of(with_state)
    assert envelope["tracestate"] == "rojo=1,congo=t61"
    assert decoded(envelope).trace == with_state.trace


def test_every_change_has_an_id_of_its_own_that_rises_with_time() -> None:
    ids = [encode(enrollment(7, 301))[0] for _ in range(100)]
    assert len(set(ids)) == 100
    assert ids == sorted(ids)
    assert {event_id.version for event_id in ids} == {7}


def test_a_score_of_two_decimals_is_a_json_number_of_two_decimals() -> None:
    body = encode(enrollment(7, 301, status="completed", score="78.30"))[1]
    assert '"score":78.3,' in body


def test_a_number_of_twelve_digits_keeps_them() -> None:
    body = encode(course(7, 1, cost_per_participant="9999999999.99", duration_hours="0.01"))[1]
    assert '"duration_hours":0.01,"cost_per_participant":9999999999.99,' in body


@pytest.mark.parametrize("written", [MAX_ID, str(MAX_ID), 7, "7"])
def test_an_organisation_is_read_as_text_and_as_the_number_of_earlier_releases(written: Any) -> None:
    assert decoded(envelope_of(enrollment(7, 301)) | {"organisationid": written}).organisation_id == int(written)


@pytest.mark.parametrize("event", [course(7, 1), session(7, 1), person(7, 1), enrollment(7, 1)], ids=lambda it: it.type)
def test_events_of_earlier_releases_have_no_field_that_was_added_since(event: Event[Any]) -> None:
    fields = type(event.data).model_fields
    optional = {name for name, field in fields.items() if not field.is_required()}
    envelope = envelope_of(event)
    envelope["data"] = {name: value for name, value in envelope["data"].items() if name not in optional}
    assert decoded(envelope) == event


def test_work_of_its_own_has_a_traceparent_and_no_request() -> None:
    trace = own_trace()
    envelope = envelope_of(replace(enrollment(7, 301), trace=trace))
    assert envelope["traceparent"] == trace.traceparent
    assert "requestid" not in envelope


def test_fields_that_are_not_known_are_passed_over() -> None:
    event = enrollment(7, 301)
    envelope = envelope_of(event)
    envelope["partitionkey"] = "7"
    envelope["data"]["waiting_since"] = {"day": 1}
    assert decoded(envelope) == event


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("type", "training.enrollment.created.v2"),
        ("type", "training.enrollment.created.v11"),
        ("type", "enrollment.created"),
        ("type", "training.enrollment.archived.v1"),
        ("type", ""),
        ("specversion", "2.0"),
        ("specversion", "0.3"),
        ("specversion", "1.0\n"),
        ("id", "not-a-uuid"),
        ("organisationid", 0),
        ("organisationid", "seven"),
        ("organisationid", None),
        ("data", None),
        ("data", []),
        ("time", "yesterday"),
    ],
)
def test_another_version_or_a_wrong_attribute_is_refused(attribute: str, value: Any) -> None:
    with pytest.raises(EventInvalid):
        decoded(envelope_of(enrollment(7, 301)) | {attribute: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("version", 0),
        ("version", "one"),
        ("status", "dreaming"),
        ("score", "NaN"),
        ("enrolled_at", "soon"),
        ("session_id", 1.5),
    ],
)
def test_a_state_of_the_wrong_shape_is_refused_and_the_field_named(field: str, value: Any) -> None:
    envelope = envelope_of(enrollment(7, 301))
    envelope["data"][field] = value
    with pytest.raises(EventInvalid, match=f"^{field}: "):
        decoded(envelope)


@pytest.mark.parametrize(
    "attribute", ["specversion", "id", "source", "type", "subject", "time", "data", "organisationid"]
)
def test_an_envelope_without_a_required_attribute_is_refused(attribute: str) -> None:
    envelope = envelope_of(enrollment(7, 301))
    del envelope[attribute]
    with pytest.raises(EventInvalid, match=f"^{attribute}: "):
        decoded(envelope)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_in_one_way(body: bytes) -> None:
    with pytest.raises(EventInvalid):
        decode(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b'"\xed\xa0\x80"', b'"\\ud800"'])
def test_bodies_made_to_break_a_parser_are_refused_in_one_way(body: bytes) -> None:
    with pytest.raises(EventInvalid):
        decode(body)


_MUTANTS = JSON | st.sampled_from([10**400, -(10**400), 1e308, "9" * 5000, "\ud800", "\x00", "9999-99-99T00:00:00Z"])


@given(event=ANY_EVENT, data=st.data())
def test_a_mutated_envelope_is_an_event_or_refused_in_one_way(event: Event[State], data: st.DataObject) -> None:
    envelope = envelope_of(event)
    for members in (envelope, envelope["data"]):
        for name in data.draw(st.sets(st.sampled_from(sorted(members)), max_size=2)):
            members[name] = data.draw(_MUTANTS)
    with contextlib.suppress(EventInvalid):
        decoded(envelope)


@given(event=ANY_EVENT, data=st.data())
def test_a_mutilated_body_is_an_event_or_refused_in_one_way(event: Event[State], data: st.DataObject) -> None:
    body = bytearray(encoded(event)[1].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(EventInvalid):
        decode(bytes(body[: data.draw(st.integers(len(body) // 2, len(body)))]))
