"""What the names of files say, and how they are sent."""

import gzip
from pathlib import Path

import pytest

from muster.files import PIECE_BYTES, Sent, Source, kind_of, source_of, type_of, upload_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("people.csv", "people"),
        ("/data/2026-11 Employees_nightly.csv.gz", "people"),
        ("people/courses.csv", "courses"),
        ("staff and employees.csv", "people"),
        ("course-sessions.csv", "sessions"),
        ("courses-and-sessions.csv", None),
        ("data.csv", None),
        ("peoples.csv", None),
        ("people.csv.refused.csv", "people"),
        ("completions2019.ndjson", "completions"),
    ],
)
def test_the_kind_by_the_name(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("name", "type_"),
    [("a.csv", "csv"), ("a.TSV", "csv"), ("a.jsonl", "ndjson"), ("a.ndjson.gz", "ndjson"), ("a.gz", None), ("a", None)],
)
def test_the_type_by_the_name(name: str, type_: str | None) -> None:
    assert type_of(Source(name, Path(name), 1)) == type_


@pytest.mark.parametrize(
    ("beginning", "type_"), [(b'\n {"id"', "ndjson"), (b"id,name", "csv"), (b"\x1f\x8b\x08", None), (b"", "csv")]
)
def test_the_type_of_standard_input_by_what_comes_first(beginning: bytes, type_: str | None) -> None:
    assert type_of(Source("standard input", None, None, beginning)) == type_


@pytest.mark.parametrize(
    ("size", "is_local", "compress", "encoding"),
    [
        (1_000_000, False, None, "gzip"),
        (1_000_000, True, None, None),
        (1_000, False, None, None),
        (1_000, True, True, "gzip"),
        (1_000_000, False, False, None),
    ],
)
def test_it_is_compressed_where_that_pays(
    tmp_path: Path, size: int, is_local: bool, compress: bool | None, encoding: str | None
) -> None:
    content = b"id,employee_id\n" * (size // 15)
    (tmp_path / "people.csv").write_bytes(content)
    source = source_of(str(tmp_path / "people.csv"))
    seen: list[int] = []
    sent = Sent(source)
    sent.advance = seen.append
    upload = upload_of(source, "csv", "utf-8", compress=compress, is_local=is_local, sent=sent)
    assert (upload.encoding, upload.content_type) == (encoding, "text/csv; charset=utf-8")
    for _ in range(2):  # it may be sent again
        body = b"".join(upload.open())
        assert (gzip.decompress(body) if encoding else body) == content
        assert upload.length in (None, len(body))
        assert (seen[-1], sent.is_whole) == (len(content), True)


def test_a_compressed_file_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "people.csv.gz").write_bytes(gzip.compress(b"id\n" * 1_000_000))
    source = source_of(str(tmp_path / "people.csv.gz"))
    upload = upload_of(source, "csv", None, compress=None, is_local=False, sent=Sent(source))
    assert (upload.encoding, b"".join(upload.open())) == ("gzip", (tmp_path / "people.csv.gz").read_bytes())


def test_what_was_refused_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"id\n")
    source = source_of(str(tmp_path / "people.csv"))
    sent, refusals = Sent(source), []
    sent.refused = lambda: refusals.append(sent.is_whole)
    upload = upload_of(source, "csv", None, compress=None, is_local=True, sent=sent)
    list(upload.open())
    assert sent.is_whole
    upload.refused()
    assert refusals == [False]


def test_it_is_whole_before_its_last_piece_is_sent(tmp_path: Path) -> None:
    """The server may have all of it from then on: Ctrl-C waits for what it says."""
    (tmp_path / "people.csv").write_bytes(b"x" * (PIECE_BYTES + 1))
    source = source_of(str(tmp_path / "people.csv"))
    sent = Sent(source)
    pieces = sent.counted(source, packed=False)
    states = [(len(piece), sent.is_whole) for piece in pieces]
    assert states == [(PIECE_BYTES, False), (1, True)]
