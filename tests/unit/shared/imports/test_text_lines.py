import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.imports import text_lines
from shared.imports.lines import MAX_RECORD, ImportRefused
from shared.imports.text_lines import MAX_LINE, TextLines

TEXTS = st.text(st.sampled_from("\r\nab\x0b\x85\u2028"), max_size=60)


def split(pieces: list[str]) -> list[str]:
    lines = TextLines()
    return [*(line for piece in pieces for line in lines.feed(piece)), *lines.close()]


@given(TEXTS, st.lists(st.integers(0, 60)))
def test_lines_are_the_same_in_whatever_pieces_they_come(text: str, places: list[int]) -> None:
    cuts = [0, *sorted(places), len(text)]
    pieces = [text[begin:end] for begin, end in itertools.pairwise(cuts)]
    assert "".join(split(pieces)) == text
    assert split(pieces) == split([text])


def test_ends_may_be_mixed_and_no_other_character_ends_a_line() -> None:
    assert split(["a\r\n\r\n\nb\r\rc\x0bd\u2028e\x85\n\rf"]) == [
        "a\r\n", "\r\n", "\n", "b\r", "\r", "c\x0bd\u2028e\x85\n", "\r", "f",
    ]  # fmt: skip


def test_a_carriage_return_at_the_end_of_a_piece_may_be_half_an_end() -> None:
    assert split(["a\r", "\nb"]) == ["a\r\n", "b"]
    assert split(["a\r", "b"]) == ["a\r", "b"]
    assert split(["a\r", "", "\n"]) == ["a\r\n"]
    assert split(["\r"]) == ["\r"]


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_of_a_long_line_its_beginning_is_kept(size: int) -> None:
    text = f"a\n{'x' * (10 * MAX_RECORD)}\nb"
    lines = split([text[place : place + size] for place in range(0, len(text), size)])
    assert lines[0] == "a\n"
    assert lines[1] == "x" * (MAX_RECORD + 1)
    assert lines[2:] == ["b"]


def test_a_line_of_as_many_characters_as_are_kept_is_whole() -> None:
    assert split(["x" * (MAX_RECORD - 1), "\n"]) == ["x" * (MAX_RECORD - 1) + "\n"]


@pytest.mark.parametrize("size", [1_000_000, MAX_LINE * 2])
@pytest.mark.parametrize("excess", [0, 1])
def test_the_end_of_a_line_is_not_looked_for_without_end(
    size: int, excess: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "MAX_LINE", 2 * MAX_RECORD)
    text = f"a\n{'x' * (2 * MAX_RECORD - 1 + excess)}\nb"
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    if not excess:
        assert [len(line) for line in split(pieces)] == [2, MAX_RECORD + 1, 1]
        return
    with pytest.raises(ImportRefused, match="a line of more than"):
        split(pieces)
