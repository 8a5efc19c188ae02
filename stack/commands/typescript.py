"""docs/schema.d.ts: the types of docs/openapi.json for TypeScript, by openapi-typescript. That runs in Node.js; whether
the file is as it was written for the document of now is seen without."""

import asyncio
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Final

from rich.console import Console

from stack.console import Steps
from stack.errors import StackError
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.servers.npm_packages import npm_packages
from stack.servers.packages import provide
from stack.servers.requirements import NODE, NPM, Program, find

SOURCES: Final = REPOSITORY / "documents" / "typescript"
"""Which versions of openapi-typescript and of the compiler, with their checksums."""
DOCUMENT: Final = REPOSITORY / "docs" / "openapi.json"
TYPES: Final = REPOSITORY / "docs" / "schema.d.ts"
TESTS: Final = REPOSITORY / "tests" / "typescript"
"""Need the compiler."""
WRITING_SECONDS: Final = 120.0
_OPTIONS: Final = ("--default-non-nullable=false",)
"""A field with a default may be left out of a request."""


def write_types() -> int:
    """Writes the file anew if it is stale. Node.js is installed where that is missing and allowed, else StackError."""
    if complaint(DOCUMENT, TYPES) is None:
        return 0
    layout = Layout(STACK_DIRECTORY)
    layout.create()
    with Steps(Console(stderr=True)) as steps:
        programs = provide((NODE, NPM), steps, layout.log / "install.log")
        home = asyncio.run(installed(programs[NPM], layout, steps))
        with steps.step("docs/schema.d.ts"):
            TYPES.write_text(with_digests(_written(programs[NODE], home), DOCUMENT), encoding="utf-8")
    return 0


def check_types() -> None:
    """Raises StackError if the file is out of date; needs no Node.js."""
    if found := complaint(DOCUMENT, TYPES):
        raise StackError(f"docs/{found}")


async def installed(npm: Program, layout: Layout, steps: Steps) -> Path:
    """The folder with openapi-typescript and the compiler. Raises StackError."""
    return await npm_packages(SOURCES, "typescript", layout, npm, steps)


def compiler_variables() -> dict[str, str]:
    """Where the tests find the compiler, or why they find none: they do without Node.js, where there is none."""
    node, npm = find(NODE), find(NPM)
    if node is None or npm is None or node.version < NODE.oldest or npm.version < NPM.oldest:
        return {"TYPESCRIPT_MISSING": f"{NODE} and {NPM} are not on this machine; ./dev documents installs them"}
    layout = Layout(STACK_DIRECTORY)
    layout.create()
    try:
        with Steps(Console(stderr=True)) as steps:
            home = asyncio.run(installed(npm, layout, steps))
    except StackError as error:
        return {"TYPESCRIPT_MISSING": f"npm could not install TypeScript: {error}"}
    return {"TYPESCRIPT": str(home), "NODE": str(node.directory / "node")}


def complaint(document: Path, types: Path) -> str | None:
    """What is wrong with the file: that it is not of this document, or was changed by hand."""
    if not types.exists():
        return f"{types.name} is missing: run ./dev documents"
    text = types.read_text(encoding="utf-8")
    _, end, content = text.partition(_END)
    if not end or with_digests(content, document) != text:
        return f"{types.name} is out of date: run ./dev documents"
    return None


_END: Final = "// What follows is written by a program.\n"


def with_digests(content: str, document: Path) -> str:
    """The file: below, what openapi-typescript made; above, of which document, by which version, and its own digest."""
    return (
        f"// docs/openapi.json for TypeScript, by openapi-typescript {_version()}: ./dev documents\n"
        f"// SHA-256 of docs/openapi.json: {_digest(document.read_bytes())}\n"
        f"// SHA-256 of what follows: {_digest(content.encode())}\n"
        f"{_END}{content}"
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _version() -> str:
    return str(json.loads((SOURCES / "package.json").read_text())["dependencies"]["openapi-typescript"])


def _written(node: Program, home: Path) -> str:
    program = home / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    result = subprocess.run(
        [str(node.directory / "node"), str(program), str(DOCUMENT), *_OPTIONS],
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WRITING_SECONDS,
        check=False,
    )
    if result.returncode != 0 or "export interface paths" not in result.stdout:
        raise StackError(f"openapi-typescript could not read docs/openapi.json:\n{result.stderr.strip()}")
    return result.stdout
