"""What is special about requests here, loaded by schemathesis into its own process.

Each request has a token of its own, of somebody new: after a logout the next one has rights all the same.
"""

import os
from itertools import count
from typing import Any, Final

import schemathesis

from tests.support.client import client_token

COVERED: Final = 2
"""Of so many cases of the phase "coverage" one is sent: each changes one place of a request, and most places are of
types that many fields share."""
_cases = count()


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    return case.meta is None or case.meta.phase.name != "coverage" or next(_cases) % COVERED == 0


@schemathesis.auth(refresh_interval=None)
class Administrator:
    def get(self, _case: Any, _context: Any) -> str:
        return client_token(os.environ["FUZZED_SECRET"], int(os.environ["FUZZED_ORGANISATION"]))

    def set(self, case: Any, data: str, _context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
