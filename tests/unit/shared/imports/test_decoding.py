import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.imports.decoding import Decoder, known_charset
from shared.imports.lines import ImportRefused
from tests.support.imported_files import pieces

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def decode(body: bytes, charset: str | None = None, size: int = 3) -> tuple[str, str | None]:
    decoder = Decoder(known_charset(charset))
    text = ""
    for piece in pieces(body, size):
        text += decoder.feed(piece)
        if decoder.refusal is not None:
            return text, decoder.refusal.message
    text += decoder.close()
    return text, None if decoder.refusal is None else decoder.refusal.message


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        zipped.writestr("people.csv", "id,full_name")
    return made.getvalue()


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-16le", "UTF-16BE"]), st.integers(1, 9))
def test_text_is_the_same_in_whatever_pieces_it_comes(text: str, charset: str, size: int) -> None:
    text = text.removeprefix("\ufeff")
    assert decode(text.encode(charset), charset, size) == (text, None)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_a_byte_order_mark_is_no_character(size: int) -> None:
    assert decode("\ufeffä\ufeff".encode(), None, size) == ("ä\ufeff", None)
    assert decode("\ufeffä".encode("utf-16le"), "utf-16le", size) == ("ä", None)
    assert decode("\ufeff".encode(), None, size) == ("", None)


@pytest.mark.parametrize("charset", ["windows-1252", "ISO-8859-1", "latin1"])
def test_latin_1_is_read_as_windows_writes_it(charset: str) -> None:
    assert decode("Müller – 5 €".encode("cp1252"), charset) == ("Müller – 5 €", None)


def test_latin_9_has_its_own_euro_sign() -> None:
    assert decode("Šimůnek €".replace("ů", "u").encode("iso-8859-15"), "iso-8859-15") == ("Šimunek €", None)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_wrong_charset_is_refused_with_the_place_of_the_byte_and_the_text_before_it(size: int) -> None:
    text, message = decode("Äh, M".encode() + "üller".encode("cp1252"), None, size)
    assert text == "Äh, M"
    assert message is not None
    assert message.startswith("The file is not UTF-8: byte 7 is 0xFC. Say its charset, ")


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_character_that_the_end_of_the_file_cuts_off_is_refused(size: int) -> None:
    text, message = decode("abcdü".encode()[:-1], None, size)
    assert text == "abcd"
    assert message is not None
    assert "byte 5 is 0xC3" in message


def test_a_byte_that_windows_does_not_know_is_refused() -> None:
    text, message = decode(b"abcd\x81", "windows-1252")
    assert text == "abcd"
    assert message is not None
    assert message.startswith("The file is not WINDOWS-1252: byte 5 is 0x81.")


@pytest.mark.parametrize("size", [1, 4, 100])
def test_nul_is_refused_behind_the_text_before_it(size: int) -> None:
    text, message = decode(b"id\n1\n\0\n2", None, size)
    assert text == "id\n1\n"
    assert message == "The file has a NUL character: it is no text, or in UTF-16. Save it as UTF-8."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (archive(), "a zip archive or an .xlsx spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an .xls spreadsheet"),
        (gzip.compress(b"id", mtime=0), "compressed with gzip"),
        (b"%PDF-1.7", "a PDF"),
        ("id".encode("utf-16"), "in UTF-16. Say so"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_what_is_no_text_is_refused_by_its_name(body: bytes, reason: str, size: int) -> None:
    text, message = decode(body, None, size)
    assert text == ""
    assert message is not None
    assert reason in message


def test_utf_16_needs_a_byte_order_mark_or_the_order_of_its_bytes() -> None:
    assert decode("idid".encode("utf-16le"), "utf-16") == (
        "",
        "The file has no byte order mark: say charset=utf-16le or charset=utf-16be.",
    )


@pytest.mark.parametrize("body", [b"", b"a", b"abc"])
def test_a_file_may_be_shorter_than_what_its_kind_is_known_by(body: bytes) -> None:
    assert decode(body) == (body.decode(), None)


def test_an_unknown_charset_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ImportRefused, match=r'The charset "ebcdic" is not known\. It can be utf-8, '):
        known_charset("ebcdic")


@pytest.mark.parametrize("charset", ["windows-1252", "iso-8859-1", "iso-8859-15"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_utf_8_that_says_it_is_something_else_is_refused_at_its_end(charset: str, size: int) -> None:
    body = "id\n1\nMüller, Şule".encode()
    _, message = decode(body, charset, size)
    assert message is not None
    assert message.endswith("leave out the charset.")
    assert decode(body + "ü".encode("cp1252"), charset, size)[1] is None
    assert decode(b"id\n1\n", charset, size) == ("id\n1\n", None)


@pytest.mark.parametrize("charset", ["windows-1252", "utf-16le"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_byte_order_mark_of_utf_8_in_another_charset_is_refused_at_once(charset: str, size: int) -> None:
    text, message = decode(b"\xef\xbb\xbfid\n1\n", charset, size)
    assert text == ""
    assert message == f"The file is in UTF-8, and not in {known_charset(charset).upper()}: leave out the charset."
