from importlib import import_module

import pytest

from tests.faults.crash_points import CRASH_POINTS


@pytest.mark.parametrize("name", CRASH_POINTS)
def test_a_crash_point_names_what_there_is(name: str) -> None:
    point = CRASH_POINTS[name]
    assert hasattr(import_module(point.module), point.attribute)
