"""A certificate on paper: one page, the same bytes whenever it is made of the same credential."""

import asyncio
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.enrollment.certificates.texts import Texts, day_of, issuer_name, texts_of
from services.enrollment.credentials import Addresses, Content, Credential

_FONTS: Final = Path(__file__).parent / "fonts"
REGULAR: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"
_WIDTH, _HEIGHT = landscape(A4)
_LEFT: Final = 26 * mm
_BROAD: Final = _WIDTH - 2 * _LEFT
_INK: Final = HexColor("#1b2733")
_GREY: Final = HexColor("#5b6b7a")
_ACCENT: Final = HexColor("#0b5c8a")
_QR: Final = 38 * mm
_MOST_LINES: Final = 3


class CertificatePrinter:
    """One at a time in a process: reportlab keeps fonts for all of its documents together."""

    def __init__(self) -> None:
        self._alone = asyncio.Lock()

    async def print(self, credential: Credential, addresses: Addresses) -> bytes:
        async with self._alone:
            return await asyncio.to_thread(certificate, credential, addresses)


def certificate(credential: Credential, addresses: Addresses) -> bytes:
    """The PDF. Its dates of creation and change, and its id, follow from what it says."""
    _register_fonts()
    content, texts = credential.content, texts_of(credential.content.language)
    out, issuer = BytesIO(), issuer_name(content, credential.organisation_id)
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), invariant=1, lang=content.language, pageCompression=1)
    canvas.setTitle(f"{texts.certificate}: {content.training_name}")
    canvas.setAuthor(issuer)
    canvas.setSubject(content.name)
    canvas.setCreator("Muster")
    _frame(canvas)
    _heading(canvas, texts, issuer)
    _said(canvas, texts, content, issuer)
    _dates(canvas, texts, content)
    _proof(canvas, texts, addresses.credential(credential.code), credential.code)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


@cache
def _register_fonts() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))


def _frame(canvas: Any) -> None:
    canvas.setStrokeColor(_ACCENT)
    canvas.setLineWidth(2)
    canvas.rect(10 * mm, 10 * mm, _WIDTH - 20 * mm, _HEIGHT - 20 * mm)
    canvas.setLineWidth(0.5)
    canvas.rect(12 * mm, 12 * mm, _WIDTH - 24 * mm, _HEIGHT - 24 * mm)


def _heading(canvas: Any, texts: Texts, issuer: str) -> None:
    canvas.setFillColor(_GREY)
    _lines(canvas, issuer, REGULAR, 15, _HEIGHT - 32 * mm, most=1)
    canvas.setFillColor(_ACCENT)
    _lines(canvas, texts.certificate, BOLD, 34, _HEIGHT - 49 * mm, most=1)


def _said(canvas: Any, texts: Texts, content: Content, issuer: str) -> None:
    at = _HEIGHT - 68 * mm
    canvas.setFillColor(_GREY)
    at = _lines(canvas, texts.certifies, REGULAR, 13, at) - 8 * mm
    canvas.setFillColor(_INK)
    at = _lines(canvas, content.name, BOLD, 28, at, most=2) - 5 * mm
    canvas.setFillColor(_GREY)
    at = _lines(canvas, texts.has_completed, REGULAR, 13, at) - 7 * mm
    canvas.setFillColor(_INK)
    at = _lines(canvas, content.training_name, BOLD, 22, at, most=_MOST_LINES) - mm
    if content.provider is not None:
        with_provider = texts.with_provider.format(provider=content.provider)
        canvas.setFillColor(_GREY)
        _lines(canvas, f"{with_provider}, {texts.accepted_by.format(issuer=issuer)}", REGULAR, 12, at, most=2)


def _dates(canvas: Any, texts: Texts, content: Content) -> None:
    end = texts.valid_for_ever if content.valid_until is None else day_of(content.valid_until, content)
    for left, label, value in (
        (_LEFT, texts.completed_on, day_of(content.completed_at, content)),
        (_LEFT + 68 * mm, texts.valid_until, end),
    ):
        canvas.setFillColor(_GREY)
        canvas.setFont(REGULAR, 10)
        canvas.drawString(left, 42 * mm, label)
        canvas.setFillColor(_INK)
        canvas.setFont(BOLD, 14)
        canvas.drawString(left, 35 * mm, value)


def _proof(canvas: Any, texts: Texts, address: str, code: str) -> None:
    widget = QrCodeWidget(address, barLevel="M", barWidth=_QR, barHeight=_QR)
    drawing = Drawing(_QR, _QR)
    drawing.add(widget)
    left = _WIDTH - _LEFT - _QR
    renderPDF.draw(drawing, canvas, left, 20 * mm)
    canvas.linkURL(address, (left, 20 * mm, left + _QR, 20 * mm + _QR))
    canvas.setFillColor(_GREY)
    canvas.setFont(REGULAR, 8.5)
    canvas.drawString(_LEFT, 25 * mm, texts.check)
    for at, line in ((21 * mm, address), (17 * mm, f"{texts.code}: {in_groups(code)}")):
        canvas.setFont(REGULAR, _fitting(line, REGULAR, 8.5, left - _LEFT - 5 * mm))
        canvas.drawString(_LEFT, at, line)


def in_groups(code: str) -> str:
    """As people read it out."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def _lines(canvas: Any, text: str, font: str, size: float, top: float, most: int = 1) -> float:
    """Writes the text in the middle, in smaller letters where it needs more lines than it may have; where the next
    thing begins."""
    while len(lines := broken(text, font, size, _BROAD)) > most and size > 7:
        size -= 0.5
    for line in lines[:most]:
        canvas.setFont(font, _fitting(line, font, size, _BROAD))
        canvas.drawCentredString(_WIDTH / 2, top, line)
        top -= size * 1.25
    return top


def broken(text: str, font: str, size: float, broad: float) -> list[str]:
    """Lines that are no broader, but for words that are."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pdfmetrics.stringWidth(longer, font, size) <= broad:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _fitting(line: str, font: str, size: float, broad: float) -> float:
    return float(min(size, size * broad / max(pdfmetrics.stringWidth(line, font, size), 1)))
