"""What the histories refuse (contract, section 5)."""

from shared.errors import NotFound


class WorkerNotFound(NotFound):
    message = "Worker not found or not in your organisation"
