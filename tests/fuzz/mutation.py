"""Valid input with a few places changed: it reaches further into a reader than random text does."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

NASTY = [
    "", "\0", "\r", "\n", "\r\n", "\t", " ", "%", "%2e", "%2F", "%5c", "%00", "%25", "..", "//", "\\", "?", "#", ";",
    "&", "=", "+", "-", "0", "-0", "1e400", "1e99999999999999999999", "NaN", "null", "true", '"', "'", "{", "}", "[",
    "]", "[" * 40, "*", ",", ":", "W/", "\x7f", "\x80", "\xff", "\u0130", "\u0663", "\ud800", "\U0001f6a7", "9" * 30,
    "a" * 300,
]  # fmt: skip
"""What separates, ends, escapes, repeats or is too much for some reader."""


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[str], most: int = 4) -> str:
    """The text with up to `most` pieces of it taken out, doubled, or replaced by something nasty."""
    text = draw(valid)
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 6)))
        piece = draw(st.sampled_from([*NASTY, text[start:end] * 2]) | st.text(max_size=3))
        text = text[:start] + piece + text[end:]
    return text


@st.composite
def mutated_bytes(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """The same for bytes; a byte may be any."""
    octets = bytearray(draw(valid))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(octets)))
        end = min(len(octets), start + draw(st.integers(0, 6)))
        piece = draw(st.binary(max_size=4) | st.sampled_from([nasty.encode("utf-8", "replace") for nasty in NASTY]))
        octets[start:end] = piece
    return bytes(octets)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-1, 3) | st.floats() | st.text(max_size=12)
    | st.sampled_from(["2030-05-15T09:00:00Z", "2030-02-30", "online", "safety", "https://x.example", "\0", "9" * 400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
"""Any JSON value, and with NaN and the infinities some that JSON does not have."""


@st.composite
def changed_members(draw: st.DrawFn, good: dict[str, Any], more: Sequence[str] = ()) -> dict[str, Any]:
    """The object with some members replaced by any value, left out, or added."""
    members = dict(good)
    for name in draw(st.lists(st.sampled_from([*good, *more, "unknown"]), max_size=3, unique=True)):
        if draw(st.booleans()):
            members[name] = draw(JSON)
        else:
            members.pop(name, None)
    return members
