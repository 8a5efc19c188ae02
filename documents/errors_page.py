"""`/docs/errors`: every error code, what it means and what to do, from the classes that are raised."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from itertools import groupby
from typing import Final

import documents.routes  # noqa: F401 - and the services' with their routes
import gateway.app  # noqa: F401 - its errors are known once it is imported
from shared.errors import ApiError

_HEAD: Final = """\
<!doctype html>
<!-- Written by ./dev documents from the classes of errors; change those. -->
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Errors - Muster</title>
  <link rel="icon" href="/docs/assets/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/docs/assets/pages.css">
</head>
<body>
  <header class="muster-bar">
    <a class="muster-brand" href="/">Muster</a>
    <nav aria-label="Documentation">
      <a href="/docs">API</a>
      <a href="/docs/events">Events</a>
      <a href="/docs/errors" aria-current="page">Errors</a>
    </nav>
  </header>
  <main class="muster-text">
    <h1>Errors</h1>
    <p>Every refusal has a <code>code</code> for programs and a <code>message</code> for people. Codes do not change;
      messages may. <code>/oauth/token</code> answers in OAuth's form, where <code>error</code> is the code.</p>
"""
_FOOT: Final = """\
  </main>
</body>
</html>
"""


@dataclass(frozen=True)
class ErrorCode:
    """What clients read of a code."""

    code: str
    status: int
    meaning: str
    remedy: str
    members: tuple[str, ...]
    """What the body can have beside the envelope."""


def error_codes() -> list[ErrorCode]:
    """In the order of their statuses and names."""
    sharing: dict[str, list[type[ApiError]]] = {}
    for each in _family(ApiError):
        sharing.setdefault(each.code, []).append(each)
    return sorted(
        (_described(code, classes) for code, classes in sharing.items()), key=lambda each: (each.status, each.code)
    )


def _family(root: type[ApiError]) -> Iterator[type[ApiError]]:
    """A class, then those derived from it: the first with a code speaks for all that share it."""
    yield root
    for derived in root.__subclasses__():
        yield from _family(derived)


def _described(code: str, classes: list[type[ApiError]]) -> ErrorCode:
    first = classes[0]
    members = dict.fromkeys(name for each in classes for name in each.members)
    return ErrorCode(code, first.status, first.meaning, first.remedy, tuple(members))


def errors_page() -> str:
    """The whole page."""
    codes = error_codes()
    return _HEAD + _index(codes) + "".join(map(_section, codes)) + _FOOT


def _index(codes: list[ErrorCode]) -> str:
    by_status = groupby(codes, key=lambda each: each.status)
    rows = [f"        <div><dt>{status}</dt><dd>{_links(alike)}</dd></div>\n" for status, alike in by_status]
    return f"""\
    <nav aria-label="Codes">
      <dl class="muster-codes">
{"".join(rows)}      </dl>
    </nav>
"""


def _links(codes: Iterable[ErrorCode]) -> str:
    return " ".join(f'<a href="#{each.code}"><code>{each.code}</code></a>' for each in codes)


def _section(error: ErrorCode) -> str:
    status = f"{error.status} {HTTPStatus(error.status).phrase}"
    members = ", ".join(f"<code>{escape(name)}</code>" for name in error.members)
    return f"""\
    <section class="muster-error" id="{error.code}">
      <h2><a href="#{error.code}"><code>{error.code}</code></a> <span class="muster-status">{escape(status)}</span></h2>
      <p>{_prose(error.meaning)}</p>
      <p><strong>What to do:</strong> {_prose(error.remedy)}</p>
{f"      <p>The body can also have {members}.</p>{chr(10)}" if members else ""}    </section>
"""


def _prose(text: str) -> str:
    """CommonMark's code spans are all that these sentences have of it."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
