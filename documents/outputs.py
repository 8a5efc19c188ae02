"""What is written, and what is asked of it beside being as it would be written."""

from collections.abc import Mapping
from typing import Final

from documents.openapi import openapi_text
from documents.writing import Text

OUTPUTS: Final[Mapping[str, Text]] = {
    "docs/openapi.json": openapi_text,
}
"""By path in the repository."""
