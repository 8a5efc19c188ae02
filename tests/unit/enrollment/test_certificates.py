"""Certificates and their pages: every language, long texts, and the same bytes each time."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import get_args

import pypdfium2
import pytest
import zxingcpp
from reportlab.pdfbase import pdfmetrics

from services.enrollment.certificates import page, pdf
from services.enrollment.certificates.texts import Texts, day_of, texts_of
from services.enrollment.credentials import Standing
from shared.events.states import Language
from tests.unit.enrollment.certificate_examples import ADDRESSES, CODE, credential

LANGUAGES = get_args(Language)
LONG = "Świętosława Szczęsna-Brzęczyszczykiewicz de la Vega y Fernández de Córdoba " * 3
NOW = datetime(2026, 11, 30, 2, 40, tzinfo=UTC)


def words_of(texts: Texts) -> list[str]:
    return [
        each
        for value in dataclasses.astuple(texts)
        for each in (value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value])
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word(language: Language) -> None:
    texts = texts_of(language)
    assert all(words_of(texts))
    assert len(set(texts.months)) == 12
    assert set(texts.standings) == set(texts.explained) == set(get_args(Standing))
    fills = {"{provider}": texts.with_provider, "{issuer}": texts.accepted_by, "{moment}": texts.looked_at}
    assert all(name in text for name, text in fills.items())
    assert all(name in texts.criteria_elsewhere for name in ("{provider}", "{issuer}"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_have_every_letter_of_it(language: Language) -> None:
    pdf.certificate(credential(), ADDRESSES)
    for name in (pdf.REGULAR, pdf.BOLD):
        known = pdfmetrics.getFont(name).face.charToGlyph
        assert all(ord(letter) in known for text in words_of(texts_of(language)) for letter in text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_is_the_same_bytes_each_time(language: Language) -> None:
    given = credential(language=language)
    assert pdf.certificate(given, ADDRESSES) == pdf.certificate(given, ADDRESSES)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"name": LONG[:255], "training_name": LONG[:255], "issuer_name": LONG[:255], "provider": LONG[:255]},
        {"name": "x" * 255, "training_name": "y" * 255, "issuer_name": "z" * 255, "provider": "w" * 255},
        {"name": "山田 太郎", "training_name": "안전", "valid_until": None, "issuer_name": None},
    ],
)
def test_whatever_it_says_is_on_one_page_beside_a_code_that_can_be_read(content: dict[str, str]) -> None:
    document = pypdfium2.PdfDocument(pdf.certificate(credential(**content), ADDRESSES))
    assert len(document) == 1
    image = document[0].render(scale=3).to_pil()
    [code] = zxingcpp.read_barcodes(image)
    assert code.text == f"https://training.example.com/verify/{CODE}"
    width, height = document[0].get_size()
    text = document[0].get_textpage()
    boxes = [text.get_charbox(index) for index in range(text.count_chars())]
    assert all(
        left >= 30 and right <= width - 30 and low >= 30 and high <= height - 30 for left, low, right, high in boxes
    )


def test_days_are_those_of_the_organisation() -> None:
    content = credential().content
    assert day_of(content.completed_at, content) == "15 May 2026"
    german = credential(language="de", time_zone="Europe/Berlin").content
    assert day_of(german.completed_at, german) == "15. Mai 2026"
    spanish = credential(language="es", time_zone="UTC").content
    assert day_of(spanish.completed_at, spanish) == "14 de mayo de 2026"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_how_it_stands(language: Language) -> None:
    given, texts = credential(language=language), texts_of(language)
    end = given.content.valid_until
    assert end is not None
    moments: list[tuple[datetime, Standing]] = [(end - timedelta(seconds=1), "valid"), (end, "expired")]
    for now, standing in moments:
        shown = page.page_of(given, now)
        assert texts.explained[standing] in shown.replace("&#x27;", "'")
        assert f'<html lang="{language}">' in shown
    revoked = page.page_of_revoked(language)
    assert texts.explained["revoked"] in revoked
    assert "Jane" not in revoked


def test_a_page_shows_what_the_credential_says_and_no_more() -> None:
    shown = page.page_of(credential(provider="Red Cross"), NOW)
    assert all(
        each in shown
        for each in ("Jane Roe", "Working at Heights", "Red Cross", "Acme Tunnels", "15 May 2026", "15 May 2028")
    )
    assert "301" not in shown


def test_a_page_needs_no_script_and_its_style_is_allowed_by_its_hash() -> None:
    shown = page.page_of(credential(name="<img src=x onerror=alert(1)>"), NOW)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "unsafe-inline" not in page.HEADERS["Content-Security-Policy"]
