"""All that the processes of a stack log, as whoever runs it reads it, and what of it nobody should."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any

from shared.observability import json_lines, quiet_libraries

SECRET_MEMBERS = frozenset({"access_token", "token", "secret", "client_secret", "password", "refresh_token", "address"})
"""Of answers: what whoever has it may do something with. The `address` of a calendar has its secret in it."""


class LogWatch:
    def __init__(self) -> None:
        self._stream = StringIO()
        self.handler = json_lines("stack", self._stream)
        self.secrets: set[str] = set()
        """That clients sent or were given."""

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def has_said(self, message: str) -> bool:
        return message in self.text

    def learn(self, answer: Any) -> None:
        """The secrets in an answer."""
        self.secrets |= set(_secrets_in(answer))

    def leaks(self) -> list[str]:
        """The lines that have a secret in them."""
        return [line for line in self.text.splitlines() if any(secret in line for secret in self.secrets)]


def _secrets_in(answer: Any) -> Iterator[str]:
    if isinstance(answer, Mapping):
        for name, value in answer.items():
            if name in SECRET_MEMBERS and isinstance(value, str):
                yield value.rpartition("/")[2].removesuffix(".ics")
            yield from _secrets_in(value)
    elif isinstance(answer, Iterable) and not isinstance(answer, str):
        for each in answer:
            yield from _secrets_in(each)


@contextmanager
def watched_log() -> Iterator[LogWatch]:
    """At its most talkative."""
    watch, root = LogWatch(), logging.getLogger()
    level = root.level
    root.addHandler(watch.handler)
    root.setLevel(logging.DEBUG)
    quiet_libraries()
    try:
        yield watch
    finally:
        root.setLevel(level)
        root.removeHandler(watch.handler)
