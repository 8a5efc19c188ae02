"""What is written, and what is asked of it beside being as it would be written."""

from collections.abc import Mapping
from typing import Final

from documents.asyncapi import asyncapi_text
from documents.dashboards.files import DASHBOARD_FILES
from documents.errors_page import errors_page
from documents.event_schemas import SCHEMA_FILES
from documents.openapi import openapi_text
from documents.python_client.files import CLIENT_FILES
from documents.writing import Text

OUTPUTS: Final[Mapping[str, Text]] = {
    "docs/openapi.json": openapi_text,
    "docs/asyncapi.json": asyncapi_text,
    "gateway/pages/errors.html": errors_page,
    **SCHEMA_FILES,
    **CLIENT_FILES,
    **DASHBOARD_FILES,
}
"""By path in the repository."""
