"""The ledger: the answers that each client got, and what must therefore be true when it is quiet again."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["ok", "refused", "unknown"]
"""Unknown: no answer came, or one that says neither yes nor no. Such a command may count once or not at all."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: when it was sent, how long it took, and its answer's status; None when none came."""

    at: float
    seconds: float
    service: str
    gateway: int
    status: int | None
    what: str
    reached: bool = True
    """Whether the gateway took a connection; where it did not, it has seen nothing of the request."""


@dataclass(slots=True)
class KnownEnrollment:
    """An acknowledged enrollment and what it may look like; more than one possibility where an answer was lost."""

    organisation: int
    id: int
    person: int
    sessions: set[int]
    statuses: set[str]
    version: int = 0
    moved: bool = False
    """Transferred once; a second time could be undone by a request that was asked twice and carried out late."""


@dataclass(slots=True)
class LostCommand:
    """An enrolling whose answer never came: these people are each in the session once or not at all."""

    organisation: int
    session: int
    people: tuple[int, ...]


@dataclass
class Ledger:
    """All answers that the clients of one run got."""

    enrollments: dict[tuple[int, int], KnownEnrollment] = field(default_factory=dict)
    lost: list[LostCommand] = field(default_factory=list)
    sessions: dict[tuple[int, str], int | None] = field(default_factory=dict)
    """Sessions that clients created, by organisation and name; None where the answer never came."""
    imported: int = 0
    """Files that were accepted."""
    exported: int = 0
    """Lists that came whole."""
    attempts: list[Attempt] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """What was seen to be wrong while it ran."""
    story: list[str] = field(default_factory=list)
    """What was broken and repaired, with seconds since the start."""
    began: float = field(default_factory=time.monotonic)
    quiet_after: float = 0.0
    """Seconds after the last client until every invariant held, looking included."""

    def tell(self, line: str) -> None:
        self.story.append(f"{time.monotonic() - self.began:7.2f} s  {line}")

    def violation(self, text: str) -> None:
        self.violations.append(text)
        self.tell(f"VIOLATION {text}")

    @property
    def acknowledged(self) -> int:
        """Requests that were answered with success."""
        return sum(attempt.status is not None and attempt.status < 300 for attempt in self.attempts)

    def expected_in(self, organisation: int) -> Iterable[KnownEnrollment]:
        return (known for known in self.enrollments.values() if known.organisation == organisation)

    def longest_unavailability(self) -> float:
        """The longest time, in seconds, in which no request to one of the services succeeded."""
        return max((gap for gap in self.unavailability().values()), default=0.0)

    def unavailability(self) -> dict[str, float]:
        """Of each service the longest time between two successes."""
        longest: dict[str, float] = {}
        last: dict[str, float] = {}
        for attempt in sorted(self.attempts, key=lambda attempt: attempt.at + attempt.seconds):
            if attempt.status is not None and attempt.status < 500:
                end = attempt.at + attempt.seconds
                gap = end - last.get(attempt.service, end)
                longest[attempt.service] = max(longest.get(attempt.service, 0.0), gap)
                last[attempt.service] = end
        return longest

    def failures(self) -> list[Attempt]:
        """Attempts that were not answered, or with a server's error."""
        return [attempt for attempt in self.attempts if attempt.status is None or attempt.status >= 500]
