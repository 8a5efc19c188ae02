"""`./dev mutants`: which tests are run, and what counts as explained."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from stack.commands import mutants as command
from stack.commands.mutants import Change, change_of, explanations, unit_tests_of
from stack.console import Steps
from stack.errors import StackError

DIFF = """\
# shared.concurrency.lru.xǁLruCacheǁput__mutmut_4: survived
--- shared/concurrency/lru.py
+++ shared/concurrency/lru.py
@@ -3,5 +3,5 @@
     entries[key] = value
-    if len(entries) > self._size:
+    if len(entries) >= self._size:
         entries.popitem(last=False)
"""
CHANGE = Change("shared.concurrency.lru", "if len(entries) > self._size:", "if len(entries) >= self._size:")


def test_a_module_is_tested_by_the_unit_tests_that_import_it() -> None:
    assert unit_tests_of("stack.commands.mutants") == ["tests/unit/stack/test_mutants.py"]
    assert "tests/unit/shared/test_lru.py" in unit_tests_of("shared.concurrency.lru")
    with pytest.raises(StackError, match=r"imports nothing\.like\.it"):
        unit_tests_of("nothing.like.it")


def test_a_diff_is_known_by_what_it_changes() -> None:
    assert change_of(DIFF) == CHANGE


@pytest.mark.parametrize(("why", "status"), [("nobody asks", 0), (None, 1)], ids=["explained", "control: not"])
def test_a_mutant_that_nothing_notices_is_an_error_unless_it_is_explained(why: str | None, status: int) -> None:
    output = io.StringIO()
    steps = Steps(Console(file=output))
    assert command._report({"name": DIFF}, {CHANGE: why} if why else {}, steps) == status
    assert (CHANGE.after in output.getvalue()) is (status == 1)


def test_an_explanation_that_is_needed_no_more_is_reported() -> None:
    output = io.StringIO()
    assert command._report({}, {CHANGE: "nobody asks"}, Steps(Console(file=output))) == 0
    assert "noticed or gone" in output.getvalue()


def test_explanations_are_those_of_the_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mutants.toml"
    entries = [f'[[mutant]]\nmodule = "{name}"\nbefore = "a"\nafter = "b"\nwhy = "c"\n' for name in ("one", "other")]
    file.write_text("".join(entries), encoding="utf-8")
    monkeypatch.setattr(command, "EXPLAINED", file)
    assert explanations(["one"]) == {Change("one", "a", "b"): "c"}


def test_every_explanation_names_a_module_that_exists() -> None:
    for change in explanations():
        assert command._file_of(change.module)
