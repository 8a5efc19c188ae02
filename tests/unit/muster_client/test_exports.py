"""Where an export is written, and what is left of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from muster.errors import ApiError, BadInput, CutShort
from muster.exports import Exports, Progress
from muster.settings import Settings
from muster.transport import Transport

CSV = "text/csv; charset=utf-8; header=present"
BODY = b"id,title\r\n1,First\r\n"


def exports(body: bytes = BODY, **headers: str) -> Exports:
    """Of a server that answers with this."""
    named = {"Content-Type": CSV} | {name.replace("_", "-"): value for name, value in headers.items()}
    through = httpx.MockTransport(lambda request: httpx.Response(200, content=body, headers=named))
    return Exports(Transport(Settings("https://m.example", token="a.b.c"), through=through))


def ignore(progress: Progress) -> None:
    pass


def save(made: Exports, output: Path | None, report: Callable[[Progress], None] = ignore) -> Path | None:
    return made.save("/api/v1/training/courses", "csv", {}, output, report).path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.rglob("*"))


def test_the_server_names_the_file(folder: Path) -> None:
    made = exports(Content_Disposition='attachment; filename="courses-2026-11-29.csv"')
    assert save(made, None) == Path("courses-2026-11-29.csv")
    assert (folder / "courses-2026-11-29.csv").read_bytes() == BODY


@pytest.mark.parametrize("name", ["../courses.csv", "/etc/passwd", ".bashrc", "", "a/b.csv", "a b", "a\\b"])
def test_a_name_that_leads_elsewhere_is_no_name(folder: Path, name: str) -> None:
    with pytest.raises(BadInput, match="--output"):
        save(exports(Content_Disposition=f'attachment; filename="{name}"'), None)
    assert names(folder) == []


@pytest.mark.parametrize("ending", [b"#error,upstream_timeout,Too slow.\r\n"])
def test_an_error_line_at_a_proper_end_is_an_error_all_the_same(folder: Path, ending: bytes) -> None:
    """Something between the server and here may have ended a broken stream well."""
    (folder / "c.csv").write_text("of yesterday")
    with pytest.raises(CutShort, match="Too slow"):
        save(exports(BODY + ending), Path("c.csv"))
    assert names(folder) == ["c.csv"]
    assert (folder / "c.csv").read_text() == "of yesterday"


def test_what_cannot_be_written_is_no_traceback(folder: Path) -> None:
    (folder / "file").write_text("")
    for place in ("no/such.csv", "file/x.csv", "."):
        with pytest.raises(BadInput):
            save(exports(), Path(place))
    assert names(folder) == ["file"]


def test_an_error_of_the_disk_meanwhile(folder: Path) -> None:
    def full(progress: Progress) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match=r"c\.csv cannot be written: No space left on device\."):
        save(exports(), Path("c.csv"), full)
    assert names(folder) == []


@pytest.mark.parametrize(
    ("content_type", "error"), [("text/html", ApiError), ("application/json; charset=utf-8", BadInput), ("", ApiError)]
)
def test_another_type_is_no_export(folder: Path, content_type: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        save(exports(Content_Type=content_type), Path("c.csv"))
    assert names(folder) == []


def test_rows_and_bytes_are_reported() -> None:
    seen: list[tuple[int | None, int]] = []

    def pieces() -> Iterator[bytes]:
        yield b"id,title\r\n1,"
        yield b"First\r\n"

    through = httpx.MockTransport(lambda request: httpx.Response(200, content=pieces(), headers={"Content-Type": CSV}))
    made = Exports(Transport(Settings("https://m.example", token="a.b.c"), through=through))
    save(made, Path("c.csv"), lambda progress: seen.append((progress.rows, progress.bytes)))
    assert seen == [(0, 12), (1, 19)]
