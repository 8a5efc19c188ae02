"""Others' files that this repository keeps are the ones that it names."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from stack.commands.licences import is_allowed
from stack.commands.vendor import SCALAR, write
from stack.errors import StackError
from stack.paths import REPOSITORY

CONTENT = b"// a program"


def test_the_vendored_file_is_the_one_that_is_named() -> None:
    content = gzip.decompress((REPOSITORY / SCALAR.file).read_bytes())
    assert hashlib.sha256(content).hexdigest() == SCALAR.sha256
    assert SCALAR.version.encode() in content


def test_its_licence_is_beside_it_and_allowed() -> None:
    assert "MIT License" in (REPOSITORY / SCALAR.licence_file).read_text(encoding="utf-8")
    assert is_allowed(SCALAR.licence)


def test_control_another_file_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=hashlib.sha256(CONTENT).hexdigest()):
        write(SCALAR, CONTENT, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_file_that_is_named_is_written_compressed(tmp_path: Path) -> None:
    vendored = replace(SCALAR, sha256=hashlib.sha256(CONTENT).hexdigest(), file="file.js.gz")
    write(vendored, CONTENT, tmp_path)
    assert gzip.decompress((tmp_path / "file.js.gz").read_bytes()) == CONTENT
