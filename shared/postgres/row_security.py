"""Row-level security: PostgreSQL shows a statement the rows of named organisations alone (decision 10).

It is the second wall, behind the `WHERE organisation_id` of every statement. The policies, and the function
`organisations_in_scope()` that they ask, are made by the migrations of each service.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

SETTING: Final = "muster.organisations"
"""The text of a bigint[], which lasts as long as a transaction."""
NOTHING: Final = {SETTING: "{}"}
"""What a connection opens with: no row is visible until a transaction or a statement names its organisations. Processes
of the release before open theirs without, and see everything: they run beside this release while it is installed."""
EVERY_ORGANISATION: Final = (0,)
"""For work that spans organisations. Organisation 0 stands for all of them, as it does in internal tokens."""

_PARAMETER = re.compile(r"\$(\d+)")


def scope(organisations: Iterable[int]) -> str:
    """The command that shows the rest of a transaction the rows of these organisations alone."""
    listed = ",".join(str(int(each)) if each else "NULL" for each in organisations)
    return f"SET LOCAL {SETTING} = '{{{listed}}}'"


def scoped(select: str, types: Sequence[str]) -> str:
    """`select`, with parameters $1, $2, … of these types, for use without a transaction around it.

    $1 is the organisation whose rows it sees. A transaction would cost two round trips more. So the statement sets
    its own scope, in the row that its parameters come from: nothing can be read before that row is there.
    """
    arguments = ", ".join(f"${place}::{type_} AS argument{place}" for place, type_ in enumerate(types, 1))
    answer = _PARAMETER.sub(r"given.argument\1", select)
    return f"""
        SELECT answer.* FROM (
            SELECT {arguments}, set_config('{SETTING}', ARRAY[$1::bigint]::text, true) AS scope
        ) AS given
        CROSS JOIN LATERAL ({answer}) AS answer
    """  # noqa: S608 - of constants and parameters
