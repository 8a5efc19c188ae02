"""`./dev trace`: the tree of a request, from the spans that each process has written."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stack.commands import trace as command
from stack.commands.trace import overview, picture, trace
from stack.errors import StackError
from stack.paths import Layout
from stack.processes.span_files import Span, read_spans, tree

BEGAN = 1_790_000_000_000_000_000
MS = 1_000_000


def written(span_id: str, parent: str, name: str, **changes: Any) -> dict[str, Any]:
    attributes = {"muster.request_id": "request-0001", **changes.pop("attributes", {})}
    return {
        "traceId": "a" * 32,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(BEGAN + changes.pop("after", 0) * MS),
        "endTimeUnixNano": str(BEGAN + changes.pop("until", 10) * MS),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        "status": {},
        **changes,
    }


def write(directory: Path, process: str, *spans: dict[str, Any], name: str = "") -> None:
    directory.mkdir(exist_ok=True)
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": process}}]}
    line = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}
    with (directory / f"{name or process}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "STACK_DIRECTORY", tmp_path)
    return Layout(tmp_path).spans


def of_gateway(**changes: Any) -> dict[str, Any]:
    attributes = {"http.request.method": "GET", **changes.pop("attributes", {})}
    return written("01", "", "GET /api/v1/training/courses", attributes=attributes, **changes)


def request(directory: Path) -> list[Span]:
    write(directory, "gateway", written("02", "01", "catalog", after=1, until=9), of_gateway())
    other = written("04", "03", "List courses", after=3, until=8, links=[{"traceId": "b" * 32, "spanId": "09"}])
    failed = written("05", "03", "read together", after=4, until=7, status={"code": 2, "message": "TimeoutError"})
    write(directory, "catalog", other, written("03", "02", "GET /api/v1/training/courses", after=2), failed)
    return read_spans(directory)


def printed(table: Any, width: int = 80) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 - recorded
    console.print(table)
    return console.export_text()


def test_each_span_is_below_its_cause(directory: Path) -> None:
    spans = request(directory)
    assert [(each.guides, each.span.name, each.span.process) for each in tree(spans[0], spans)] == [
        ("", "GET /api/v1/training/courses", "gateway"),
        ("└─ ", "catalog", "gateway"),
        ("   └─ ", "GET /api/v1/training/courses", "catalog"),
        ("      ├─ ", "List courses", "catalog"),
        ("      └─ ", "read together", "catalog"),
    ]


def test_the_picture_says_when_each_began_and_how_long_it_took(directory: Path) -> None:
    spans = request(directory)
    lines = printed(picture(spans[0], spans)).splitlines()
    assert lines[0].startswith("request-0001   2026-09-21 ")
    assert lines[1].strip() == f"trace {'a' * 32}"
    assert [line.split()[-2:] for line in lines if "catalog" in line or "gateway" in line] == [
        ["0.0", "10.0"],
        ["1.0", "8.0"],
        ["2.0", "8.0"],
        ["3.0", "5.0"],
        ["4.0", "3.0"],
    ]
    assert any("List courses (with 1 more)" in line for line in lines)
    assert any("read together TimeoutError" in line for line in lines)


def test_a_request_is_found_by_its_id(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request(directory)
    assert trace("request-0001") == 0
    assert "read together" in capsys.readouterr().out


def test_the_last_requests_are_listed(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request(directory)
    assert trace(None) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "request-0001" in line]
    assert line.split()[1:] == ["request-0001", "GET", "/api/v1/training/courses", "10.0"]


def test_one_that_was_not_sampled_is_said_to_be_none(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SETTLED", 0.0)
    request(directory)
    with pytest.raises(StackError, match=r"no trace of a request 'request-0002': it was not sampled(.|\n)*X-Trace: on"):
        trace("request-0002")


def test_where_nothing_was_traced_that_is_said(directory: Path) -> None:
    with pytest.raises(StackError, match=r"start it with \./dev up"):
        trace(None)
    directory.mkdir()
    with pytest.raises(StackError, match=r"No request has been traced yet(.|\n)*X-Trace: on"):
        trace(None)


def test_a_line_that_was_cut_short_hides_no_other(directory: Path) -> None:
    request(directory)
    for part in ("{", "[]", "{}", '{"resourceSpans": 7}', '{"resourceSpans": [{}]}'):
        with (directory / "gateway.jsonl").open("a", encoding="utf-8") as file:
            file.write(part + "\n")
    assert len(read_spans(directory)) == 5


def test_the_file_before_is_read_too(directory: Path) -> None:
    write(directory, "gateway", of_gateway())
    (directory / "gateway.jsonl").rename(directory / "gateway.jsonl.1")
    write(directory, "gateway", written("02", "01", "catalog", after=1))
    assert [span.name for span in read_spans(directory)] == ["GET /api/v1/training/courses", "catalog"]


def test_an_id_that_was_used_again_has_a_tree_each_time(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(directory, "gateway", of_gateway(), of_gateway(spanId="11", traceId="c" * 32))
    trace("request-0001")
    output = capsys.readouterr().out
    assert f"trace {'a' * 32}" in output
    assert f"trace {'c' * 32}" in output


def test_only_the_last_are_listed(directory: Path) -> None:
    write(directory, "gateway", *[of_gateway(spanId=f"{number:016x}", after=number) for number in range(30)])
    assert printed(overview(read_spans(directory))).count("request-0001") == command.LAST
