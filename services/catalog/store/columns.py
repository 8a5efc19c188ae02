"""The columns of a table as the fields of a model."""

import json
from typing import Any

from pydantic import BaseModel


def fields_of(row: Any, model: type[BaseModel], *json_columns: str) -> dict[str, Any]:
    """The values of the row's columns that the model has fields for."""
    values = {name: row[name] for name in model.model_fields}
    parsed = {name: json.loads(values[name]) for name in json_columns if values[name] is not None}
    return values | parsed
