"""Texts of clients have one form: NFC, no blanks around them, nothing that hides or turns what is read."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.validation.fields import STORED, LongText, Name, Reason
from shared.validation.normal_text import normal_text

KINDS = [Name, LongText, Reason]
SAME = [
    ("José Pérez", "Jose\u0301 Pe\u0301rez"),
    ("Łukasz", " Łukasz\t"),
    ("Ngọc", "\ufeffNgọc\u00a0"),
    ("山田", "\u3000山田\u200b"),
    ("Zoë\u200dX", "Zoë\u200dX"),
    ("\u200fשלום", "\u200fשלום "),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("text", "written"), SAME)
def test_what_looks_the_same_is_the_same(kind: Any, text: str, written: str) -> None:
    assert TypeAdapter[str](kind).validate_python(written) == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", [*"\u202a\u202b\u202c\u202d\u202e", *"\u2066\u2067\u2068\u2069"])
def test_nothing_turns_what_is_read(kind: Any, sign: str) -> None:
    with pytest.raises(ValidationError, match="change the direction"):
        TypeAdapter[str](kind).validate_python(f"a{sign}b")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["\u200b", "\u00ad\n", "\ufeff", "\u2060 \u200e", "\u3164", "\ufe0f", "\U000e0041"])
def test_a_text_can_be_seen(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError, match="invisible"):
        TypeAdapter[str](kind).validate_python(text)


@pytest.mark.parametrize("kind", [Name, Reason])
@pytest.mark.parametrize("text", ["", " ", "\u00a0\n"])
def test_a_name_is_not_empty(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError, match="must not be empty"):
        TypeAdapter[str](kind).validate_python(text)


def test_a_long_text_keeps_its_lines_and_may_be_empty() -> None:
    assert TypeAdapter(LongText).validate_python("\n one\r\n\ttwo \n") == "one\r\n\ttwo"
    assert TypeAdapter(LongText).validate_python(" \n") == ""


def test_the_normal_form_is_no_longer_than_the_text_may_be() -> None:
    assert TypeAdapter(Name).validate_python("\u0958" * 127) == "\u0915\u093c" * 127
    with pytest.raises(ValidationError, match="at most 255 characters"):
        TypeAdapter(Name).validate_python("\u0958" * 128)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_stays_as_it_is(kind: Any) -> None:
    stored = " Jose\u0301\u202e "
    assert TypeAdapter[str](kind).validate_python(stored, context={stored}) == stored
    assert TypeAdapter[str](kind).validate_python(stored, context=STORED) == stored


@given(st.text())
def test_the_form_of_a_form_is_itself(text: str) -> None:
    try:
        once = normal_text(text)
    except ValueError:
        return
    assert normal_text(once) == once == unicodedata.normalize("NFC", once)
    assert once == once.strip()
