"""The page behind the code of a certificate: valid, expired or revoked, and what the credential says. It needs no
script, and loads nothing."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from services.enrollment.certificates.texts import Texts, day_of, issuer_name, texts_of
from services.enrollment.credentials import Credential, Standing
from shared.events.states import Language

MEDIA_TYPE: Final = "text/html"
CONTENT_TYPE: Final = f"{MEDIA_TYPE}; charset=utf-8"
_STYLE: Final = """
:root{color-scheme:light dark}
body{margin:0;font:17px/1.5 system-ui,sans-serif;background:#f3f5f7;color:#1b2733}
main{max-width:34rem;margin:2rem auto;padding:0 1rem}
section{background:#fff;border-radius:.6rem;border-top:.5rem solid var(--tone);padding:1.2rem 1.5rem 1.5rem;
box-shadow:0 1px 4px #0002}
h1{margin:0;font-size:2rem;color:var(--tone)}
dl{margin:1.2rem 0 0}
dt{color:#5b6b7a;font-size:.85rem}
dd{margin:0 0 .8rem;font-weight:600;overflow-wrap:anywhere}
footer{color:#5b6b7a;font-size:.85rem;padding:1rem 0}
.valid{--tone:#13703a}.expired{--tone:#8a5300}.revoked,.unknown{--tone:#b3261e}
@media (prefers-color-scheme:dark){
body{background:#12181e;color:#e6ebf0}section{background:#1b242d}dt,footer{color:#a3b1be}
.valid{--tone:#62d191}.expired{--tone:#f0b45c}.revoked,.unknown{--tone:#ff8f86}}
"""
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
"""The address must go nowhere, since it opens the page."""
_SIGNS: Final[Mapping[str, str]] = {"valid": "✓", "expired": "!", "revoked": "✕", "unknown": "?"}


def page_of(credential: Credential, now: datetime) -> str:
    content, standing = credential.content, credential.standing(now)
    texts = texts_of(content.language)
    end = texts.valid_for_ever if content.valid_until is None else day_of(content.valid_until, content)
    facts = [
        (texts.name, content.name),
        (texts.training, content.training_name),
        *([] if content.provider is None else [(texts.provider, content.provider)]),
        (texts.completed_on, day_of(content.completed_at, content)),
        (texts.valid_until, end),
        (texts.issuer, issuer_name(content, credential.organisation_id)),
    ]
    moment = f"{day_of(now, content)}, {now.astimezone(ZoneInfo(content.time_zone)):%H:%M}"
    footer = f"{texts.looked_at.format(moment=moment)} ({content.time_zone})"
    return _page(content.language, standing, texts.standings[standing], texts.explained[standing], facts, footer)


def page_of_revoked(language: Language) -> str:
    """It says nothing of what the credential said."""
    texts = texts_of(language)
    return _page(language, "revoked", texts.standings["revoked"], texts.explained["revoked"])


def page_of_unknown(language: Language = "en") -> str:
    texts = texts_of(language)
    return _page(language, "unknown", texts.unknown, texts.unknown_explained)


def _page(
    language: Language,
    tone: Standing | str,
    heading: str,
    explained: str,
    facts: Sequence[tuple[str, str]] = (),
    footer: str = "",
) -> str:
    texts: Texts = texts_of(language)
    listed = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in facts)
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(f'{texts.certificate}: {heading}')}</title><style>{_STYLE}</style></head>\n"
        f'<body class="{tone}"><main><section><h1><span aria-hidden="true">{_SIGNS[tone]}</span> {escape(heading)}</h1>'
        f"<p>{escape(explained)}</p>{f'<dl>{listed}</dl>' if listed else ''}</section>"
        f"{f'<footer>{escape(footer)}</footer>' if footer else ''}</main></body>\n</html>\n"
    )
