"""Counts what reaches pydantic's models: work that a test can assert where a time could not be."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel


@dataclass
class Seen:
    """`values`: JSON values that were given to models, containers and what is in them."""

    values: int = 0


def seen_by_models(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()
    validate = BaseModel.model_validate.__func__  # type: ignore[attr-defined]

    def counted(model: type[Any], /, value: Any, **options: Any) -> Any:
        seen.values += count_values(value)
        return validate(model, value, **options)

    monkeypatch.setattr(BaseModel, "model_validate", classmethod(counted))
    return seen


def count_values(value: Any) -> int:
    """JSON values, by the definition of the limit on bodies."""
    if isinstance(value, dict):
        return 1 + sum(map(count_values, value.values()))
    return 1 + sum(map(count_values, value)) if isinstance(value, list) else 1
