"""Lists of columns made of the models' fields: a field of the model cannot be left out of a statement."""

import json
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from shared.events.states import State
from shared.validation.fields import STORED

Fields = TypeVar("Fields", bound=BaseModel)


class FieldColumns(Generic[Fields]):
    """A column of the same name for each field of the model; those of `json_fields` are jsonb."""

    def __init__(self, model: type[Fields], *json_fields: str) -> None:
        self._model = model
        self._json_fields = json_fields

    @property
    def names(self) -> str:
        """The list of columns of an INSERT."""
        return ", ".join(self._model.model_fields)

    def parameters(self, first: int) -> str:
        """`$3, $4::jsonb, …`: the parameters for `values`, from number `first` on."""
        return ", ".join(self._numbered(first).values())

    def assignments(self, first: int) -> str:
        """`title = $3, labels = $4::jsonb, …`: the SET list of an UPDATE, its parameters from number `first` on."""
        return ", ".join(f"{name} = {parameter}" for name, parameter in self._numbered(first).items())

    def _numbered(self, first: int) -> dict[str, str]:
        return {
            name: f"${number}::jsonb" if name in self._json_fields else f"${number}"
            for number, name in enumerate(self._model.model_fields, first)
        }

    def values(self, fields: Fields) -> list[Any]:
        """The arguments for `parameters` or `assignments`."""
        as_json = fields.model_dump(mode="json", include=set(self._json_fields))
        return [
            json.dumps(as_json[name]) if name in self._json_fields and value is not None else value
            for name, value in fields.model_dump().items()
        ]

    def fields(self, row: Any) -> Fields:
        """The model of a stored row."""
        values = {name: row[name] for name in self._model.model_fields}
        parsed = {name: json.loads(values[name]) for name in self._json_fields if values[name] is not None}
        return self._model.model_validate(values | parsed, context=STORED)


def state_json(model: type[State]) -> str:
    """SQL of the state that events carry, as JSON text made of its row. Only rows that are gone are `removed`."""
    members = ", ".join(f"'{name}', {name}" for name in model.model_fields if name != "removed")
    return f"json_build_object({members})::text"
