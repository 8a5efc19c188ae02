"""Documents are written as they are compared, and `./dev lint` notices when a declaration has changed since."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from documents import openapi as openapi_module
from documents.openapi import openapi, openapi_text
from documents.outputs import OUTPUTS
from documents.routes import public_routes
from documents.writing import REPOSITORY, DocumentError, complaints, json_text, write
from services.catalog.representations import CourseItem
from shared.http.representation import Page


class CourseWithAName(CourseItem):
    """A course of which somebody has renamed a field."""

    name: str


def test_the_documents_are_up_to_date() -> None:
    assert complaints(OUTPUTS) == []


def test_control_a_renamed_field_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = public_routes()
    assert first.summary == "List courses"
    renamed = replace(first, answers={200: Page[CourseWithAName]})
    monkeypatch.setattr(openapi_module, "public_routes", lambda: [renamed, *others])
    assert complaints({"docs/openapi.json": openapi_text}) == ["docs/openapi.json is out of date: run ./dev documents"]


def test_a_document_that_is_not_there_or_wrong_is_noticed(tmp_path: Path) -> None:
    def wrong() -> str:
        raise DocumentError("a route has no summary")

    assert complaints({"a.json": lambda: "1", "b.json": wrong}, tmp_path) == [
        "a.json is out of date: run ./dev documents",
        "b.json: a route has no summary",
    ]
    write({"deep/a.json": lambda: "ä"}, tmp_path)
    assert (tmp_path / "deep" / "a.json").read_bytes() == "ä".encode()
    assert complaints({"deep/a.json": lambda: "ä"}, tmp_path) == []


def test_the_check_is_a_process_of_its_own() -> None:
    """As `./dev lint` starts it."""
    result = subprocess.run(
        [sys.executable, "-m", "documents", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "document",
    [{}, {"a": []}, {"a": {"b": ["ä" * 100, 2.5, None, True, {"c": "d" * 120}]}}, openapi(public_routes())],
    ids=["empty", "an empty list", "deep", "the whole"],
)
def test_the_text_is_json_in_the_order_of_its_members(document: Any) -> None:
    read = json.loads(json_text(document))
    assert json.dumps(read) == json.dumps(json.loads(json.dumps(document)))


def test_a_line_has_what_fits_in_it() -> None:
    assert json_text({"a": {"b": 1}, "c": "x" * 120}) == '{\n "a": {"b": 1},\n "c": "' + "x" * 120 + '"\n}\n'
    assert max(map(len, json_text({"a": {"b": ["x" * 50, "y" * 50, "z"]}}).splitlines())) <= 120
