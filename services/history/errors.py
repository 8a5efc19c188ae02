"""What the histories refuse (contract, section 5)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.errors import ApiError, NotFound, ValidationFailed


class WorkerNotFound(NotFound):
    """`merged_into`: the person whom they turned out to be."""

    message = "Worker not found or not in your organisation"
    members: ClassVar[Mapping[str, Any]] = {"merged_into": {"type": "integer", "minimum": 1}}

    def __init__(self, merged_into: int | None = None) -> None:
        super().__init__(details=None if merged_into is None else {"merged_into": merged_into})


def numeric_id() -> ApiError:
    """The histories' answer to a path id that is not a number (contract, section 5)."""
    return ValidationFailed({"id": ["The id must be numeric."]})
