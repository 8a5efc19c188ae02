"""Figures as people read them, none wider than its column."""

import math
from typing import Final

MISSING: Final = "–"
"""What is not known: the process does not answer, or nothing happened that it could be taken from."""
LONGEST_BUCKET: Final = "> 10 s"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MEBIBYTE, _GIBIBYTE = 2**20, 2**30


def rate(value: float | None) -> str:
    """`0`, `0.4`, `12`, `1,204`."""
    if value is None:
        return MISSING
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:,.0f}"


def count(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """`0.4 ms`, `12 ms`, `1.2 s`, `3 min`, `2 h`, `5 d`."""
    if seconds is None:
        return MISSING
    if math.isinf(seconds):
        return LONGEST_BUCKET
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms" if 0 < seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return age(seconds)


def waiting(seconds: float | None) -> str:
    """How long something has waited, to the tenth of a second: `0 s`, `0.3 s`, `4 min`."""
    if seconds is None or seconds >= 9.95:
        return duration(seconds)
    return f"{seconds:.1f} s" if seconds >= 0.05 else "0 s"


def age(seconds: float | None) -> str:
    """`12 s`, `5 min`, `2 h 05`, `3 d 4 h`."""
    if seconds is None:
        return MISSING
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02}"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def size(value: float | None) -> str:
    """`112 MiB`, `1.2 GiB`."""
    if value is None:
        return MISSING
    return f"{value / _GIBIBYTE:.1f} GiB" if value >= _GIBIBYTE else f"{value / _MEBIBYTE:.0f} MiB"


def share(value: float | None) -> str:
    """Of one processor: two of them are `200 %`."""
    return MISSING if value is None else f"{value:.0%}".replace("%", " %")
