"""The models of queries, bodies and answers as JSON Schemas, with names that are made for readers."""

import inspect
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from documents.patches import patch_schemas
from documents.types import TYPES, with_types
from documents.writing import DocumentError
from shared.http.models import MergePatch

Schema = dict[str, Any]

_PLACE: Final = "#/components/schemas/"
_GENERIC: Final = re.compile(r"([A-Za-z]+)_(\w+)_\Z")
_SUFFIXES: Final = {"Success": "Response", "Listed": "List"}
"""What a model around another adds to its name, where that is not its own name."""
_NAMES: Final = {
    "HistoryPage_TrainingRecord_": "TrainingHistoryPage",
    "HistoryWalk_TrainingRecord_": "TrainingHistoryWalk",
    "HistoryListed_TrainingRecord_": "TrainingHistoryList",
    "HistoryPage_Training_": "TrainingPage",
    "HistoryWalk_Training_": "TrainingWalk",
    "HistoryListed_Training_": "TrainingList",
    "CompletionAnswer": "CompletedEnrollment",
    "Success_CompletionAnswer_": "CompletedEnrollmentResponse",
    "SettingsAnswer": "Settings",
    "Success_SettingsAnswer_": "SettingsResponse",
    "Me": "OwnUser",
    "Success_Me_": "OwnUserResponse",
    "Merging": "PersonMerge",
    "Done": "Confirmation",
    "Named": "IdAndNameItem",
    "Titled": "IdAndTitleItem",
}
"""Of models whose own name, or the one that the rules make, would mislead."""
_CITATION: Final = re.compile(r" \((?:contract|architecture|decision)[^)]*\)")


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """A field's name says it already."""
        return False

    def encode_default(self, dft: Any) -> Any:
        """A decimal is a number of JSON, and not a text."""
        return int(dft) if isinstance(dft, Decimal) and dft == int(dft) else super().encode_default(dft)


class Schemas:
    """The schemas of some models and of all that these are made of."""

    def __init__(self, models: Iterable[type[BaseModel]]) -> None:
        """Raises `DocumentError` for two models of one name."""
        asked = sorted(set(models), key=lambda model: f"{model.__module__}.{model.__qualname__}")
        documents = {model: model.document for model in asked if issubclass(model, MergePatch)}
        found, made = models_json_schema(
            [(model, "validation") for model in dict.fromkeys((*asked, *documents.values()))],
            ref_template=_PLACE + "{model}",
            schema_generator=_Generator,
        )
        names = {model: found[model, "validation"]["$ref"].removeprefix(_PLACE) for model, _ in found}
        patches = {names[patch]: names[document] for patch, document in documents.items()}
        schemas = made["$defs"] | patch_schemas(patches, made["$defs"])
        self._names = {model: public_name(name) for model, name in names.items()}
        self._schemas = {public_name(name): _described(with_types(_renamed(schemas[name]))) for name in schemas}
        if len(self._schemas) != len(schemas):
            raise DocumentError(f"two models share a name in documents/schemas.py: {sorted(schemas)}")
        self._schemas |= TYPES

    def of(self, model: type[BaseModel]) -> Schema:
        """The model's schema itself."""
        return self._schemas[self._names[model]]

    def reference(self, model: type[BaseModel]) -> Schema:
        return {"$ref": _PLACE + self._names[model]}

    def components(self, part: Any) -> dict[str, Schema]:
        """Those that a part of the document refers to, and those that these refer to, by name."""
        needed = set[str]()
        waiting = references(part)
        while waiting:
            name = waiting.pop()
            if name in self._schemas and name not in needed:
                needed.add(name)
                waiting += references(self._schemas[name])
        return {name: self._schemas[name] for name in sorted(needed)}


def public_name(name: str) -> str:
    """Of a model, as the document has it: `CoursePage`, and not `Page_CourseItem_`."""
    found = _GENERIC.match(name)
    if name in _NAMES or found is None:
        return _NAMES.get(name, name)
    outer, inner = found.groups()
    stem = re.sub(r"(Item|Detail|Answer)\Z", "", inner)
    return stem + _SUFFIXES.get(outer, outer)


def references(schema: Any) -> list[str]:
    """The names of the schemas that it refers to."""
    if isinstance(schema, Mapping):
        own = [schema["$ref"].removeprefix(_PLACE)] if isinstance(schema.get("$ref"), str) else []
        return own + [name for value in schema.values() for name in references(value)]
    return [name for value in schema for name in references(value)] if isinstance(schema, list) else []


def _renamed(schema: Any) -> Any:
    """With the document's names wherever it refers to another."""
    if isinstance(schema, list):
        return [_renamed(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    place = schema.get("$ref")
    own = {"$ref": _PLACE + public_name(place.removeprefix(_PLACE))} if isinstance(place, str) else {}
    return {name: _renamed(value) for name, value in schema.items()} | own


def _described(schema: Schema) -> Schema:
    """Without the class's name as its title, and with its docstring as readers of the document want it."""
    without = {name: value for name, value in schema.items() if name != "title"}
    if "description" in without:
        without["description"] = prose(without["description"])
    return without


def prose(docstring: str) -> str:
    """A docstring in CommonMark, without its references to pages of the repository."""
    paragraphs = inspect.cleandoc(_CITATION.sub("", docstring)).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
