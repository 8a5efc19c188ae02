"""The API's document, as it is committed: another test sees that it is up to date."""

import json
from typing import Any, Final

from tests.support.papers import ROOT

DOCUMENT: Final[Any] = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
