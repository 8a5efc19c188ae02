"""Controls: a guard is taken out of the product, to show that its absence would be noticed."""

import re
from types import ModuleType

import pytest


def without(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, guard: str, instead: str = "") -> None:
    """Replaces the one occurrence of `guard` in the module's SQL constant `name`; fails when it is not there."""
    sql = getattr(module, name)
    pattern = r"\s+".join(map(re.escape, guard.split()))
    changed, count = re.subn(pattern, lambda _: instead, sql)
    assert count == 1, f"{module.__name__}.{name} holds {guard!r} {count} times"
    monkeypatch.setattr(module, name, changed)
