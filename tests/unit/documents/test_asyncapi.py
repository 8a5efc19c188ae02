"""The AsyncAPI document: valid, with every event there is, and examples that are events."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft7Validator, Draft202012Validator, meta

from documents import asyncapi as module
from documents.asyncapi import asyncapi
from documents.event_examples import example, publisher
from documents.event_schemas import DIRECTORY, ENVELOPE, SCHEMA_FILES, schema_of
from documents.writing import DocumentError
from shared.events.cloudevents import decode, qualified_type
from shared.events.states import SettingsState, State
from shared.events.types import STATE_OF, Event, SettingsSaved
from stack.services import SERVICES
from tests.support.papers import ROOT

# `3.0.0-without-$id.json` of npm's @asyncapi/specs 6.11.1, Apache License 2.0.
SPECIFICATION = Path(__file__).with_name("asyncapi-3.0.0.schema.json.gz")
DOCUMENT = asyncapi()
OF_EACH_EVENT = pytest.mark.parametrize("event", STATE_OF, ids=lambda event: event.type)


def violations(document: Any) -> list[str]:
    schema = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))
    return [error.message[:300] for error in Draft7Validator(schema).iter_errors(document)]


def resolved(value: Any) -> Any:
    """With everything in the place of the reference to it."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        found: Any = DOCUMENT
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return resolved(found)
    return {name: resolved(each) for name, each in value.items()}


def test_the_document_is_valid() -> None:
    assert violations(DOCUMENT) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("operations", "sendCourseSaved", "action"), "publish"),
        (("channels", "CourseSaved", "messages"), []),
        (("info", "title"), None),
    ],
)
def test_control_a_mistake_is_a_violation(place: tuple[str, ...], value: Any) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    part = document
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    assert violations(document)


def test_it_has_a_channel_a_message_and_an_operation_for_every_event() -> None:
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {event.type for event in STATE_OF}
    messages = {message["name"]: name for name, message in DOCUMENT["components"]["messages"].items()}
    assert messages.keys() == {qualified_type(event) for event in STATE_OF}
    for channel in DOCUMENT["channels"].values():
        [message] = resolved(channel["messages"]).values()
        assert message["name"] == f"training.{channel['address']}.v1"
    sent = [operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()]
    assert sorted(sent) == sorted(f"#/channels/{name}" for name in DOCUMENT["channels"])


@OF_EACH_EVENT
def test_an_example_is_an_event_and_what_its_schemas_say(event: type[Event[State]]) -> None:
    written = example(event)
    assert type(decode(json.dumps(written).encode())) is event
    [message] = [each for each in DOCUMENT["components"]["messages"].values() if each["title"] == event.type]
    assert message["examples"][0]["payload"] == written
    Draft202012Validator(resolved(message["payload"]), validate_formats=True).validate(written)
    Draft202012Validator(schema_of(event), validate_formats=True).validate(written["data"])
    assert set(written) == set(ENVELOPE["properties"])


@OF_EACH_EVENT
def test_a_schema_asks_for_what_every_release_has_written(event: type[Event[State]]) -> None:
    schema = schema_of(event)
    fields = {field.alias or name: field for name, field in STATE_OF[event].model_fields.items()}
    meta.validate(schema)
    assert list(schema["properties"]) == list(fields)
    assert set(schema["required"]) == {name for name, field in fields.items() if field.is_required()}
    assert "additionalProperties" not in schema


def test_there_is_a_file_for_each_event_and_no_other() -> None:
    assert {f"{DIRECTORY}/{file.name}" for file in (ROOT / DIRECTORY).iterdir()} == SCHEMA_FILES.keys()


@OF_EACH_EVENT
def test_the_publisher_is_the_service_that_the_local_stack_lets_publish_it(event: type[Event[State]]) -> None:
    [service] = [each.name for each in SERVICES if event.type.partition(".")[0] in each.publishes]
    assert publisher(event) == service


def test_an_event_of_which_nothing_is_said_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class SettingsForgotten(Event[SettingsState]):
        type = "settings.forgotten"

    monkeypatch.setattr(module, "STATE_OF", {SettingsSaved: SettingsState, SettingsForgotten: SettingsState})
    with pytest.raises(DocumentError, match="SettingsForgotten has no docstring"):
        asyncapi()


def test_subscribers_are_told_of_what_makes_them_go_wrong() -> None:
    notes = DOCUMENT["info"]["description"]
    words = (
        "organisationid",
        "data.version",
        "at least once",
        "not promised",
        "count apart",
        "persistent",
        "with confirms",
    )
    assert [word for word in words if word not in notes] == []
