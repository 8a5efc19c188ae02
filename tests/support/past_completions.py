"""Past completions, as files have them."""

from collections.abc import Iterable
from typing import Any

from tests.support.client import Client
from tests.support.importing import imported

COLUMNS = ("key", "employee_id", "course_id", "completed_at", "valid_until", "score", "certificate_url")
AT = "2016-03-03T08:00:00Z"


def completion_file(*lines: Iterable[object]) -> str:
    """The values of each line in the order of the columns; those at the end may be left out."""
    rows = [[*map(str, line)] for line in lines]
    filled = [[*row, *[""] * (len(COLUMNS) - len(row))] for row in rows]
    return "".join(f"{','.join(row)}\r\n" for row in [COLUMNS, *filled])


async def imported_completions(client: Client, *lines: Iterable[object], **query: str) -> Any:
    """The job, once it has ended."""
    return await imported(client, completion_file(*lines), kind="completions", **query)
