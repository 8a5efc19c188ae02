"""Operators find every warning and error of the log in docs/operations.md, and no message that is never written."""

import ast
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from shared.http.request import NO_OWN_FIELDS, Head, Request
from shared.http.request_target import Target
from shared.http.server.request_log import RequestLog
from shared.http.server.response_bytes import ResponseBytes
from shared.time_spent import Part, Spent
from tests.support.papers import ROOT, listed, section, text_of

PAGE = ROOT / "docs" / "operations.md"
PRODUCT = ("gateway/*.py", "services/*.py", "shared/*.py")
LEVELS = {"warning", "error", "exception", "critical"}
PLACEHOLDER = re.compile(r"%[-.\d]*[a-z]")


def documented(page: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?`) \| [^`|]", section(section(page, "## The log"), "### Messages"), re.MULTILINE)
    return {message for row in rows for message in re.findall(r"`([^`]+)`", row)}


def written(files: Sequence[Path]) -> set[str]:
    """The messages at WARNING and above, with `…` for what is filled in."""
    return {PLACEHOLDER.sub("…", message) for file in files for message in _messages(file)}


def _messages(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(text_of(file))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                args=[ast.Constant(value=str(message)), *_],
            ) if level in LEVELS:
                yield message
            case _:
                pass


def test_the_page_has_every_message_and_no_other() -> None:
    assert documented(text_of(PAGE)) == written(listed(*PRODUCT))


@pytest.mark.parametrize("message", ["unhandled exception", "Redis is available again"])
def test_control_a_message_that_is_missing_is_noticed(message: str) -> None:
    text = text_of(PAGE).replace(f"`{message}`", "`something else`")
    assert written(listed(*PRODUCT)) - documented(text) == {message}
    assert documented(text) - written(listed(*PRODUCT)) == {"something else"}


FIELDS = section(section(text_of(PAGE), "## The log"), "### Slow and failed requests")


def test_the_page_has_every_field_of_the_line_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    headers = CIMultiDictProxy(CIMultiDict[str]())
    request = Request("GET", Target("/", ""), Head(headers, NO_OWN_FIELDS), headers, NO_OWN_FIELDS, "")
    RequestLog().write(request, ResponseBytes(500, b"", b""), None, 1.0, Spent())
    [record] = caplog.records
    own = set(vars(record)) - set(vars(logging.makeLogRecord({})))
    names = {
        name for row in re.findall(r"^\| (`.+?`) \|", FIELDS, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert names == own | {"message", "request_id", "traceparent"}


def test_the_page_has_every_part_of_the_time_of_a_request() -> None:
    [row] = re.findall(r"^\| `spent` \|.*$", FIELDS, re.MULTILINE)
    assert set(re.findall(r"`([a-z]+)`", row)) == {"spent", *get_args(Part)}
