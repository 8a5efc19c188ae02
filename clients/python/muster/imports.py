"""Imports: files that the server stores first, and applies by line afterwards (the API's contract, section 11)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from muster.errors import BadInput
from muster.refused import error_of
from muster.transport import Answer, Transport, Upload

PATH: Final = "/api/v1/imports"
KINDS: Final = ("people", "courses", "sessions", "completions")
KEPT_REFUSALS: Final = 10_000
"""Of an import: the server counts the others alone."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
"""Seconds between two looks: thirty of them a minute leave room for other requests of the same user."""
GROWTH: Final = 1.4
COUNTS: Final = ("created", "changed", "unchanged", "removed", "refused")
_NEEDED: Final = frozenset(("id", "kind", "status", "dry_run", "message", "lines", "bytes", "bytes_read", *COUNTS))


@dataclass(frozen=True)
class Reference:
    """Names an import: ids are of a kind alone."""

    kind: str
    id: int

    @classmethod
    def of(cls, text: str, kind: str | None) -> Self:
        """Of `people/12`, or of `12` where the kind is said. Raises `BadInput`."""
        named, _, number = text.rpartition("/")
        kind = named or kind
        if kind not in KINDS:
            raise BadInput(f"An import is named like people/12, with one of {', '.join(KINDS)}. This is: {text}")
        if not (number.isascii() and number.isdigit()):
            raise BadInput(f"An import is named like {kind}/12. This is: {text}")
        return cls(kind, int(number))

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"

    @property
    def path(self) -> str:
        return f"{PATH}/{self.kind}/{self.id}"


@dataclass(frozen=True)
class Job:
    """An import as the server has it; `data` has every field of it, also of a newer server."""

    data: Mapping[str, Any]

    @property
    def reference(self) -> Reference:
        return Reference(str(self.data["kind"]), int(self.data["id"]))

    @property
    def status(self) -> str:
        return str(self.data["status"])

    @property
    def has_ended(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    @property
    def message(self) -> str | None:
        return self.data["message"] and str(self.data["message"])

    @property
    def is_dry_run(self) -> bool:
        return bool(self.data["dry_run"])

    def count(self, name: str) -> int:
        """`lines`, `created`, `refused`, …"""
        return int(self.data[name])


class Imports:
    """Imports of the caller's organisation."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, kind: str, upload: Upload, *, mode: str = "changes", dry_run: bool = False) -> Job:
        """The import, once all of the file is stored. Raises what `Transport.request` does."""
        query = {"kind": kind, "mode": mode, "dry_run": "true" if dry_run else "false"}
        return _job_of(self._transport.request("POST", PATH, query, upload))

    def get(self, reference: Reference) -> Job:
        return _job_of(self._transport.request("GET", reference.path))

    def cancel(self, reference: Reference) -> Job:
        """Raises `ApiError` if it has ended."""
        return _job_of(self._transport.request("POST", f"{reference.path}/cancel"))

    def follow(self, job: Job, wait: Callable[[float], None]) -> Iterator[Job]:
        """It again and again, until it has ended."""
        pause = FIRST_PAUSE
        yield job
        while not job.has_ended:
            wait(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            job = self.get(job.reference)
            yield job


def _job_of(answer: Answer) -> Job:
    """Raises `ApiError` for an answer that is none of Muster's."""
    data = answer.data.get("data") if isinstance(answer.data, dict) else None
    if not isinstance(data, dict) or not data.keys() >= _NEEDED:
        raise error_of(answer.status, None, address="The server")
    return Job(data)
