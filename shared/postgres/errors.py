"""What callers hear when the database cannot be used: one error, whatever the driver said."""

from shared.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    """The database is unavailable, overloaded or out of a resource, so trying again later can help. Clients get a 503.

    Raised by the connections of `shared.postgres`. `reason` is what the driver said; it is for the log alone.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def __str__(self) -> str:
        return self.reason

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason})"


class LockNotFree(DatabaseUnavailable):
    """Somebody else held a row or a table for longer than this statement may wait."""


class StatementTooSlow(DatabaseUnavailable):
    """The server has cancelled it: it takes long by itself, or the database is slow at the time."""


class TransactionConflict(DatabaseUnavailable):
    """A deadlock or a serialization failure: PostgreSQL has rolled the transaction back, and it may run again."""
