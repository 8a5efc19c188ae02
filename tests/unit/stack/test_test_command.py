import asyncio
from pathlib import Path

import pytest

from stack.commands import test as testing
from stack.paths import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "test-1-2")
    layout.create()
    return layout


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "memory"
    directory.mkdir()
    monkeypatch.setattr(testing, "MEMORY", directory)
    monkeypatch.setattr(testing, "MEMORY_BYTES", 0)
    return directory


def test_data_are_kept_in_memory_for_their_owner_alone(layout: Layout, memory: Path) -> None:
    testing.keep_in_memory(layout)
    [directory] = memory.iterdir()
    assert layout.data.resolve() == directory
    assert directory.stat().st_mode & 0o777 == 0o700


def test_without_room_in_memory_data_stay_on_the_disk(
    layout: Layout, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "MEMORY_BYTES", 2**60)
    testing.keep_in_memory(layout)
    assert list(memory.iterdir()) == []
    assert layout.data.is_dir()
    assert not layout.data.is_symlink()


def test_what_a_killed_run_has_left_in_memory_is_swept_away(
    layout: Layout, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    testing.keep_in_memory(layout)
    (layout.data / "postgres").mkdir()
    monkeypatch.setattr(testing, "STACK_DIRECTORY", layout.root.parent)
    monkeypatch.setattr(testing, "run_owner", lambda _: Gone())
    asyncio.run(testing.sweep())
    assert list(memory.iterdir()) == []
    assert not layout.root.exists()


class Gone:
    def is_alive(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ([], True),
        (["-x"], True),
        (["-k", "pages"], True),
        (["tests"], True),
        (["tests/pages"], True),
        (["tests/unit", "tests/pages/test_pages.py::test_x", "-q"], True),
        ([str(testing.PAGES)], True),
        (["tests/unit"], False),
        (["tests/contract/test_errors.py", "-q"], False),
    ],
)
def test_the_browser_is_installed_for_the_tests_that_need_it(arguments: list[str], needed: bool) -> None:
    assert testing.can_run(testing.PAGES, arguments) is needed
