"""`./dev vendor`: fetch the browser file that shows the API's documents, and keep it as the gateway serves it."""

import gzip
import hashlib
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console

from stack.console import Steps
from stack.errors import StackError
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.servers.packages import provide
from stack.servers.requirements import NODE, NPM

FETCH_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Vendored:
    """One file of an npm package, kept in this repository: whoever clones it needs neither npm nor a network."""

    package: str
    version: str
    source: str
    """Its path in the package."""
    sha256: str
    """Of the file as the package has it."""
    file: str
    """Its path here, where it is compressed."""
    licence: str
    licence_file: str


SCALAR: Final = Vendored(
    package="@scalar/api-reference",
    version="1.72.1",
    source="dist/browser/standalone.js",
    sha256="bf091006bdc3af6067af77c2f534812e3e633e94a94e87138069f570f33b762c",
    file="gateway/pages/vendor/scalar-api-reference.js.gz",
    licence="MIT",
    licence_file="gateway/pages/vendor/scalar-api-reference.LICENSE.txt",
)
"""Another version: change it here, run `./dev vendor`, which says the new SHA-256, and look at the pages."""


def vendor() -> int:
    """Fetch and write every vendored file; StackError when npm has another file than the one named here."""
    layout = Layout(STACK_DIRECTORY)
    layout.create()
    with Steps(Console()) as steps:
        npm = provide((NODE, NPM), steps, layout.log / "install.log")[NPM]
        with steps.step(f"{SCALAR.package} {SCALAR.version}"), TemporaryDirectory() as directory:
            write(SCALAR, _fetched(SCALAR, str(npm.directory / "npm"), Path(directory)), REPOSITORY)
    return 0


def write(vendored: Vendored, content: bytes, repository: Path) -> None:
    """Raises StackError for content with another SHA-256."""
    found = hashlib.sha256(content).hexdigest()
    if found != vendored.sha256:
        raise StackError(
            f"{vendored.source} of {vendored.package} {vendored.version} has the SHA-256 {found}, and"
            f" stack/commands/vendor.py names {vendored.sha256}."
        )
    (repository / vendored.file).write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def _fetched(vendored: Vendored, npm: str, directory: Path) -> bytes:
    """The file, out of the package as npm packs it; npm checks the package against its registry's checksum."""
    command = [npm, "pack", "--silent", "--pack-destination", str(directory), f"{vendored.package}@{vendored.version}"]
    result = subprocess.run(
        command,
        cwd=directory,
        env=os.environ,  # which may say how npm reaches its registry
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        check=False,
    )
    packed = list(directory.glob("*.tgz"))
    if result.returncode != 0 or len(packed) != 1:
        raise StackError(f"npm could not fetch {vendored.package} {vendored.version}:\n{result.stderr.strip()}")
    with tarfile.open(packed[0]) as archive:
        file = archive.extractfile(f"package/{vendored.source}")
        if file is None:
            raise StackError(f"{vendored.package} {vendored.version} has no file {vendored.source}.")
        return file.read()
