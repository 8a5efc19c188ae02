"""`./dev licences`: the licences of everything that is pinned, from the packages' own metadata, as docs/licences.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import cast

from stack.commands.vendor import SCALAR
from stack.errors import StackError
from stack.paths import REPOSITORY

PAGE = REPOSITORY / "docs" / "licences.md"
RUNTIME, DEVELOPMENT = "requirements-tracing.lock", "requirements-dev.lock"
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: ; (?P<condition>.*?))? \\$", re.MULTILINE)

ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Unlicense",
        "Zlib",
        # Weaker forms of copyleft, for libraries used as they are.
        "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0",
    }
)  # fmt: skip
"""Names of the SPDX licence list. A licence that is not among them is first looked at by a person."""

SPDX_OF_CLASSIFIER = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Of those classifiers that name one licence; "BSD License" does not."""
SPDX_OF_TEXT = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD license (see license.txt for details), Copyright (c) 2000-2025, ReportLab Inc.": "BSD-3-Clause",
    "BSD-3-Clause, Apache-2.0, dependency licenses": "Apache-2.0 AND BSD-3-Clause",
    "LGPLv3": "LGPL-3.0-only",
    "MIT License": "MIT",
}
"""Spellings that packages from before SPDX expressions have in their metadata. pypdfium2's dependencies are those of
PDFium, whose licences it brings along: permissive ones."""
ELSEWHERE = {"async-timeout": "Apache-2.0", "colorama": "BSD-3-Clause", "pyyaml-ft": "MIT"}
"""Packages that other machines install: their own metadata says so, but it is not here to be read."""
OF_THEIR_FILE = {"axe-playwright-python": "MIT AND MPL-2.0"}
"""Packages whose metadata names no licence; a file of theirs has it. This one brings axe-core, which has the second."""

HEADER = """\
# Licences

Everything that the locks pin, with the licence that its own metadata names. Written by `./dev licences`; `./dev lint`
fails when it is out of date, or when a licence is not among those that
[`stack/commands/licences.py`](../stack/commands/licences.py) allows.
"""

DATA = f"""\

## Data in the image

| file | from | licence |
|---|---|---|
| [services/accounts/common_passwords.txt](../services/accounts/common_passwords.txt) | [SecLists](https://github.com/danielmiessler/SecLists), `Passwords/Common-Credentials/10-million-password-list-top-1000000.txt` of SHA-256 `eac6323842b3261da0ef4c180c8e23f4d056522ea97c2925b8687f453b40a2be`; the file says what was taken | MIT |
| [{SCALAR.file}](../{SCALAR.file}) | `{SCALAR.source}` of npm's [{SCALAR.package} {SCALAR.version}](https://www.npmjs.com/package/{SCALAR.package}/v/{SCALAR.version}), of SHA-256 `{SCALAR.sha256}`; `./dev vendor` fetches it. It contains other packages, each with its own notice in the file | [{SCALAR.licence}](../{SCALAR.licence_file}) |
| [services/enrollment/certificates/fonts/DejaVuSans.ttf](../services/enrollment/certificates/fonts/DejaVuSans.ttf), [DejaVuSans-Bold.ttf](../services/enrollment/certificates/fonts/DejaVuSans-Bold.ttf) | Debian's fonts-dejavu-core 2.37-6, unchanged | [Bitstream Vera](../services/enrollment/certificates/fonts/LICENSE.txt) |

## Data of the tests

| file | from | licence |
|---|---|---|
| [tests/unit/documents/asyncapi-3.0.0.schema.json.gz](../tests/unit/documents/asyncapi-3.0.0.schema.json.gz) | `schemas/3.0.0-without-$id.json` of npm's [@asyncapi/specs 6.11.1](https://www.npmjs.com/package/@asyncapi/specs/v/6.11.1), of SHA-256 `abe96881dbfaad495ccbb6bd8d3fb43ca18a13b9d7564849ccb66f39d5e5b20f` | Apache-2.0 |
"""  # noqa: E501 - a row of a table


@dataclass(frozen=True)
class Package:
    """A pinned package; `condition` says which machines install it, all of them if it is empty."""

    name: str
    version: str
    condition: str


def licences_page() -> str:
    """The page as it should be; StackError names every package whose licence is unknown or not allowed."""
    runtime = pinned(REPOSITORY / RUNTIME)
    development = [package for package in pinned(REPOSITORY / DEVELOPMENT) if package not in runtime]
    licences = {package: licence_of(package) for package in (*runtime, *development)}
    refused = [f"{package.name}: {each}" for package, each in licences.items() if not is_allowed(each)]
    if refused:
        raise StackError("Licences that are not allowed (stack/commands/licences.py):\n  " + "\n  ".join(refused))
    parts = [("In the image", runtime), ("For development alone", development)]
    return HEADER + "".join(_table(title, packages, licences) for title, packages in parts) + DATA


def _table(title: str, packages: list[Package], licences: dict[Package, str]) -> str:
    rows = "".join(f"| {package.name} | {package.version} | {licences[package]} |\n" for package in packages)
    return f"\n## {title}\n\n| package | version | licence |\n|---|---|---|\n{rows}"


def pinned(lock: Path) -> list[Package]:
    """The packages of a lock file."""
    return [Package(**match.groupdict("")) for match in PINNED.finditer(lock.read_text(encoding="utf-8"))]


def licence_of(package: Package) -> str:
    """An SPDX expression where one can be told, else what the metadata says; "unknown" when it says nothing."""
    try:
        # It is a Message; the protocol that `metadata` declares leaves out how to ask for what may be missing.
        fields = cast(Message, metadata(package.name))
    except PackageNotFoundError:
        return ELSEWHERE.get(package.name, "unknown") if package.condition else "not installed"
    return next(_named_licences(fields), OF_THEIR_FILE.get(package.name, "unknown"))


def _named_licences(fields: Message) -> Iterator[str]:
    """From the most to the least exact."""
    if expression := fields.get("License-Expression"):
        yield expression
    classifiers = [each for each in fields.get_all("Classifier", []) if each.startswith("License :: OSI Approved :: ")]
    names = [SPDX_OF_CLASSIFIER.get(each.rpartition(" :: ")[2]) for each in classifiers]
    known = [name for name in names if name]
    if known and len(known) == len(names):
        yield " AND ".join(sorted(known))
    text = (fields.get("License") or "").strip()
    if text and "\n" not in text:
        yield SPDX_OF_TEXT.get(text, text)


def is_allowed(expression: str) -> bool:
    """Whether every licence that an SPDX expression names is allowed, be it one to choose from."""
    names = re.split(r" AND | OR ", expression.replace("(", "").replace(")", ""))
    return ALLOWED.issuperset(names)


def write_page() -> None:
    """Write docs/licences.md anew."""
    PAGE.write_text(licences_page(), encoding="utf-8")


def check_page() -> None:
    """StackError when the page is not as `write_page` would write it."""
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != licences_page():
        raise StackError("docs/licences.md is out of date: run ./dev licences")
