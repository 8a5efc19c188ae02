"""What the histories refuse (contract, section 5)."""

from shared.errors import ApiError, NotFound, ValidationFailed


class WorkerNotFound(NotFound):
    message = "Worker not found or not in your organisation"


def numeric_id() -> ApiError:
    """The histories' answer to a path id that is not a number (contract, section 5)."""
    return ValidationFailed({"id": ["The id must be numeric."]})
