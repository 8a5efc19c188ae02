"""Row-level security: PostgreSQL shows a statement only the rows of the organisations in its scope (decision 10).

It is a second barrier behind the `WHERE organisation_id` of every statement. The policies, and the function
`organisations_in_scope()` that they call, are created by each service's migrations.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

SETTING: Final = "muster.organisations"
"""The setting that holds the scope, the text of a bigint[]; it lasts until the end of the transaction."""
NOTHING: Final = {SETTING: "{}"}
"""Settings of a new connection: no row is visible until a transaction or a statement sets its scope."""
EVERY_ORGANISATION: Final = (0,)
"""The scope of work across organisations. As in internal tokens, organisation 0 means all of them."""

_PARAMETER = re.compile(r"\$(\d+)")


def scope(organisations: Iterable[int]) -> str:
    """The command that limits the rest of a transaction to the rows of these organisations."""
    listed = ",".join(str(int(each)) if each else "NULL" for each in organisations)
    return f"SET LOCAL {SETTING} = '{{{listed}}}'"


def scoped(select: str, types: Sequence[str]) -> str:
    """`select`, with parameters $1, $2, … of these types, as a statement that needs no transaction around it.

    $1 is the organisation whose rows it sees. A transaction would cost two more round trips. So the statement sets its
    own scope in the row that supplies its parameters, which PostgreSQL evaluates before it reads anything else.
    """
    arguments = ", ".join(f"${place}::{type_} AS argument{place}" for place, type_ in enumerate(types, 1))
    answer = _PARAMETER.sub(r"given.argument\1", select)
    return f"""
        SELECT answer.* FROM (
            SELECT {arguments}, set_config('{SETTING}', ARRAY[$1::bigint]::text, true) AS scope
        ) AS given
        CROSS JOIN LATERAL ({answer}) AS answer
    """  # noqa: S608 - of constants and parameters
