"""The schemas of events: of each state, of the envelope around it, and a file for each type of event.

They hold for every release within `v1`. So a field that was added later is not required: events of the releases before
do not have it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from documents.keywords import check_keywords
from documents.schemas import prose
from documents.writing import Text, json_text
from shared.events.cloudevents import qualified_type
from shared.events.states import (
    CertificationState,
    ClearanceState,
    CourseState,
    CredentialState,
    EmployeeState,
    EnrollmentState,
    OrganisationState,
    RecordState,
    RequirementState,
    SessionState,
    SettingsState,
    State,
    WebhookState,
)
from shared.events.types import STATE_OF, Event

Schema = dict[str, Any]

DIRECTORY: Final = "docs/schemas"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLACE: Final = "#/components/schemas/"
_IN_FILE: Final = "#/$defs/"
_WITHOUT_NUL: Final = r"^[^\x00]*$"
_NAMES: Final[Mapping[str, str]] = {
    model.__name__: name
    for model, name in {
        CourseState: "Course",
        SessionState: "Session",
        EmployeeState: "Person",
        EnrollmentState: "Enrollment",
        RecordState: "Record",
        CertificationState: "Certification",
        RequirementState: "Requirement",
        ClearanceState: "Clearance",
        CredentialState: "Credential",
        SettingsState: "Settings",
        OrganisationState: "Organisation",
        WebhookState: "Webhook",
    }.items()
}
"""What the states are of, as readers know it."""

ENVELOPE: Final[Schema] = {
    "type": "object",
    "description": "The attributes of a CloudEvent 1.0 that every event has, in structured JSON.",
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "organisationid",
        "data",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "One for each change, and the same each time the event is delivered.",
        },
        "source": {
            "type": "string",
            "format": "uri",
            "description": "The installation and its service that owns the row: `urn:muster:<installation>:<service>`.",
        },
        "type": {"type": "string", "description": "The routing key between `training.` and the version."},
        "subject": {"type": "string", "description": "The row: its kind and its id, such as `enrollments/301`."},
        "time": {"type": "string", "format": "date-time", "description": "Of the change, by the database's clock."},
        "dataschema": {
            "type": "string",
            "format": "uri",
            "description": (
                "Where the schema of `data` is served. Of an installation without `PUBLIC_URL` it is a name, which ends"
                " with that of the file below `/schemas/`."
            ),
        },
        "datacontenttype": {"const": "application/json"},
        "traceparent": {
            "type": "string",
            "description": "W3C Trace Context of the request that caused the change, or of the service's own work.",
        },
        "tracestate": {"type": "string", "description": "The tracing systems' part of the same, as it came."},
        "requestid": {"type": "string", "description": "Of the request that caused the change, if any did."},
        "organisationid": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,18}$",
            "description": "The id of the organisation whose row it is, as text.",
        },
        "data": {"type": "object", "description": "The whole row after the change."},
    },
}  # fmt: skip


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """A field's name says it already."""
        return False

    def decimal_schema(self, schema: Any) -> Schema:
        """A number of JSON, and never a text."""
        bounds = {"minimum": schema.get("ge"), "maximum": schema.get("le")}
        return {"type": "number", **{name: json_number(bound) for name, bound in bounds.items() if bound is not None}}


def json_number(value: float) -> int | float:
    return int(value) if value == int(value) else value


def state_schemas() -> dict[str, Schema]:
    """Those of all states and of what they are made of, by the names that readers know."""
    _, made = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(STATE_OF.values())],
        ref_template=_PLACE + "{model}",
        schema_generator=_Generator,
    )
    return {_NAMES.get(name, name): _tidied(schema) for name, schema in sorted(made["$defs"].items())}


def name_of(state: type[State]) -> str:
    """Of its schema."""
    return _NAMES[state.__name__]


def schema_of(event: type[Event[State]]) -> Schema:
    """Of the event's `data`, complete in itself."""
    schemas = state_schemas()
    own = schemas[name_of(STATE_OF[event])]
    document = {
        "$schema": _DIALECT,
        "$id": f"/schemas/{file_of(event)}",
        "title": qualified_type(event),
        **own,
        "$defs": {name: schemas[name] for name in sorted(_needed(own, schemas))},
    }
    schema: Schema = _moved({name: value for name, value in document.items() if value})
    return schema


def file_of(event: type[Event[State]]) -> str:
    return f"{qualified_type(event)}.json"


def _text_of(event: type[Event[State]]) -> str:
    schema = schema_of(event)
    check_keywords({"schema": schema})
    return json_text(schema)


SCHEMA_FILES: Final[Mapping[str, Text]] = {
    f"{DIRECTORY}/{file_of(event)}": partial(_text_of, event) for event in STATE_OF
}
"""By path in the repository."""


def _needed(schema: Any, schemas: Mapping[str, Schema]) -> set[str]:
    """The names of all that it refers to, at any depth."""
    found = set[str]()
    waiting = _references(schema)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas[name])
    return found


def _references(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        own = [value["$ref"].removeprefix(_PLACE)] if "$ref" in value else []
        return own + [name for each in value.values() for name in _references(each)]
    return [name for each in value for name in _references(each)] if isinstance(value, list) else []


def _moved(value: Any) -> Any:
    """With references into the file instead of into the components of a document."""
    if isinstance(value, Mapping):
        return {
            name: each.replace(_PLACE, _IN_FILE) if name == "$ref" else _moved(each) for name, each in value.items()
        }
    return [_moved(each) for each in value] if isinstance(value, list) else value


def _tidied(value: Any, *, is_schema: bool = True) -> Any:
    """With the names that readers know, and without what says nothing to them."""
    if isinstance(value, list):
        return [_tidied(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    tidied: Schema = {}
    for name, each in value.items():
        if is_schema and (name == "title" or (name == "pattern" and each == _WITHOUT_NUL)):
            continue
        if is_schema and name == "$ref":
            tidied[name] = _PLACE + _NAMES.get(each.removeprefix(_PLACE), each.removeprefix(_PLACE))
        elif is_schema and name == "description":
            tidied[name] = prose(each).replace("`None`", "`null`")
        else:
            tidied[name] = _tidied(each, is_schema=name != "properties")
    return tidied
