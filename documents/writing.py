"""Writing the documents, and comparing them with what is there."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).parent.parent

_WIDTH: Final = 118
"""Characters in a line, with the comma behind it."""

Text = Callable[[], str]
"""Makes a document; raises `DocumentError` when the declarations do not make a good one."""


class DocumentError(Exception):
    """A declaration that makes no good document; says which."""


def json_text(document: Mapping[str, Any]) -> str:
    """In the order of the members, with a line for whatever fits in one: a change is seen where it was made."""
    return _lines(document, "", 0) + "\n"


def _lines(value: Any, indent: str, taken: int) -> str:
    """`taken` are the characters that stand before it in its line."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or taken + len(line) <= _WIDTH:
        return line
    inner = indent + " "
    if isinstance(value, list):
        parts, (begin, end) = [_lines(each, inner, len(inner)) for each in value], "[]"
    else:
        names = {name: json.dumps(name, ensure_ascii=False) + ": " for name in value}
        parts = [names[name] + _lines(each, inner, len(inner + names[name])) for name, each in value.items()]
        begin, end = "{}"
    between = f",\n{inner}"
    return f"{begin}\n{inner}{between.join(parts)}\n{indent}{end}"


def write(outputs: Mapping[str, Text], directory: Path = REPOSITORY) -> None:
    """Raises `DocumentError`."""
    for path, text in outputs.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text(), encoding="utf-8")


def complaints(outputs: Mapping[str, Text], directory: Path = REPOSITORY) -> list[str]:
    """What is wrong with each document, in words."""
    return [found for path, text in outputs.items() if (found := _complaint(directory / path, path, text))]


def _complaint(file: Path, path: str, text: Text) -> str | None:
    try:
        wanted = text()
    except DocumentError as error:
        return f"{path}: {error}"
    if not file.exists() or file.read_text(encoding="utf-8") != wanted:
        return f"{path} is out of date: run ./dev documents"
    return None
