"""Source text: docstrings, imports, and how it is laid out."""

import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from documents.writing import REPOSITORY, DocumentError

NOTE: Final = "Written by `./dev documents`: change the routes, or what writes this."
_WIDTH: Final = 116
_STANDARD: Final = {"dt": "import datetime as dt", "Decimal": "from decimal import Decimal"}
_OF_ABC: Final = ("Mapping", "Sequence")
_OF_TYPING: Final = ("Any", "Literal")


def docstring(text: str, indent: int = 0) -> str:
    """Wrapped, with its quotes, and `indent` blanks before each line but the first."""
    blanks = " " * indent
    parts = [
        textwrap.wrap(part, _WIDTH - indent, break_long_words=False) for part in text.split("\n\n") if part.strip()
    ]
    lines = [line for number, part in enumerate(parts) for line in ([""] if number else []) + part]
    if any(line.endswith("\\") for line in lines):
        raise DocumentError(f"a description ends with a backslash: {text}")
    quoted = [line.replace("\\", "\\\\").replace('"""', "'''") for line in lines]
    if len(quoted) == 1 and len(quoted[0]) + 6 + indent <= 120 and not quoted[0].endswith('"'):
        return f'"""{quoted[0]}"""'
    body = f"\n{blanks}".join(quoted)
    return re.sub(r"[ ]+\n", "\n", f'"""{body}\n{blanks}"""')


def imports_of(code: str) -> list[str]:
    """Lines that import what the code uses of the standard library."""
    words = words_of(code)
    found = [line for name, line in _STANDARD.items() if name in words]
    for module, names in (("collections.abc", _OF_ABC), ("typing", _OF_TYPING)):
        if used := [name for name in names if name in words]:
            found.append(f"from {module} import {', '.join(used)}")
    return found


def words_of(code: str) -> set[str]:
    """Names that the code uses, and others: without what stands in docstrings."""
    return set(re.findall(r"\w+", re.sub(r'"""(?s:.*?)"""', "", code)))


def laid_out(files: Mapping[str, str]) -> dict[str, str]:
    """As `ruff format` lays them out, and with their imports in order."""
    with TemporaryDirectory(prefix="muster-client-") as folder:
        for path, text in files.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        settings = ("--config", str(REPOSITORY / "pyproject.toml"), "--no-cache", "--quiet", folder)
        for command in (("check", "--select", "I", "--fix"), ("format",)):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *command, *settings], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise DocumentError(f"ruff did not lay out the client: {done.stdout}{done.stderr}")
        return {path: (Path(folder) / path).read_text(encoding="utf-8") for path in files}
