"""Whether docs/schema.d.ts is of the document of now: seen without Node.js."""

import json
from pathlib import Path

import pytest

from stack.commands.typescript import DOCUMENT, TYPES, complaint, with_digests


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "openapi.json"
    file.write_text('{"openapi": "3.1.0"}')
    return file


@pytest.fixture
def types(tmp_path: Path, document: Path) -> Path:
    file = tmp_path / "schema.d.ts"
    file.write_text(with_digests("export interface paths {}\n", document))
    return file


def test_it_is_of_the_document_of_now() -> None:
    assert complaint(DOCUMENT, TYPES) is None


def test_one_that_was_just_written_is_fine(document: Path, types: Path) -> None:
    assert complaint(document, types) is None


def test_a_document_that_changed_since_is_noticed(document: Path, types: Path) -> None:
    document.write_text('{"openapi": "3.2.0"}')
    assert complaint(document, types) == "schema.d.ts is out of date: run ./dev documents"


@pytest.mark.parametrize(("old", "new"), [("paths {}", "paths { }"), ("typescript 7", "typescript 8")])
def test_a_change_by_hand_and_another_version_are_noticed(document: Path, types: Path, old: str, new: str) -> None:
    text = types.read_text()
    assert text.count(old) == 1
    types.write_text(text.replace(old, new))
    assert complaint(document, types) == "schema.d.ts is out of date: run ./dev documents"


def test_a_missing_and_an_empty_file_are_noticed(document: Path, types: Path) -> None:
    types.write_text("")
    assert complaint(document, types) == "schema.d.ts is out of date: run ./dev documents"
    types.unlink()
    assert complaint(document, types) == "schema.d.ts is missing: run ./dev documents"


def test_every_operation_of_the_document_is_in_it() -> None:
    document, text = json.loads(DOCUMENT.read_text()), TYPES.read_text()
    ids = [
        each["operationId"] for path in document["paths"].values() for each in path.values() if "operationId" in each
    ]
    assert len(ids) > 100
    assert [name for name in ids if f"\n    {name}: {{\n" not in text] == []
