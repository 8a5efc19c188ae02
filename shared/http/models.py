"""What the models of queries and bodies are made from (contract, section 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.validation.fields import Id, Name
from shared.validation.strict_json import MAX_VALUES

MAX_BODY_BYTES: Final = 1024 * 1024


class Input(BaseModel):
    """What a client sends: a field nobody knows is refused, so that a misspelled one cannot pass unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rules: ClassVar[Sequence[str]] = ()
    """What no field's schema can say; in documents it is `x-rules`."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(schema)
        if cls.rules:
            handler.resolve_ref_schema(made)["x-rules"] = list(cls.rules)
        return made


class Query(Input):
    """The query string of a route."""


class Body(Input):
    """The JSON body of a route."""


class MergePatch(Body):
    """Any members of `document`: RFC 7396 merges them into it, and the result is checked as a whole."""

    model_config = ConfigDict(extra="allow")

    document: ClassVar[type[BaseModel]]

    @property
    def members(self) -> dict[str, Any]:
        return dict(self.__pydantic_extra__ or {})


JSON_TYPE: Final = "application/json"
MERGE_PATCH_TYPE: Final = "application/merge-patch+json"


def media_types(body: type[BaseModel]) -> tuple[str, ...]:
    """Those that a JSON body of this model may have, its own first."""
    return (MERGE_PATCH_TYPE, JSON_TYPE) if issubclass(body, MergePatch) else (JSON_TYPE,)


class IdAndName(Body):
    """A label, a project or a company: mastered in the organisation's own systems, so the id comes from there."""

    id: Id
    name: Name


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may hold where its route says nothing else."""

    max_bytes: int = MAX_BODY_BYTES
    max_values: int = MAX_VALUES


USUAL_LIMITS: Final = BodyLimits()
