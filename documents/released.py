"""The document of the last release, and what became of it: what was removed or narrowed since has to be announced."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from documents.comparison import Break, breaks
from documents.writing import REPOSITORY

RELEASED: Final = "docs/openapi.released.json"
"""In the repository, so that a copy of it without its history can be checked too."""
_CHANGELOG: Final = REPOSITORY / "CHANGELOG.md"
_UNRELEASED: Final = re.compile(r"^## Unreleased$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BREAKING: Final = re.compile(r"^### Breaking$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_NAMED: Final = re.compile(r"`([^`]+)`")


def untold(new: Mapping[str, Any], released: Path = REPOSITORY / RELEASED, changelog: Path = _CHANGELOG) -> list[str]:
    """What was removed or narrowed since the last release and stands in no line under "Breaking", in words."""
    if not released.exists():
        return []
    told = names_under_breaking(changelog.read_text(encoding="utf-8"))
    found = breaks(json.loads(released.read_text(encoding="utf-8")), new)
    return [_complaint(each) for each in found if each.subject not in told]


def names_under_breaking(changelog: str) -> set[str]:
    """What the lines under "Breaking" of what is not released yet have in `code font`."""
    return {
        name
        for section in _UNRELEASED.findall(changelog)
        for part in _BREAKING.findall(section)
        for name in _NAMED.findall(part)
    }


def _complaint(each: Break) -> str:
    return f'{each}. Without a line under "### Breaking" in CHANGELOG.md that names `{each.subject}` it cannot stay so'
