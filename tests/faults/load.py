"""Load: clients that enroll, change and read through the gateways, and write down the answers."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.bed import Bed
from tests.faults.ledger import Attempt, KnownEnrollment, Ledger, LostCommand, Outcome
from tests.faults.scene import Organisation
from tests.support.client import Answer, Client
from tests.support.world import ENROLLMENTS, SESSIONS

VISITORS = 10
PACE = 0.08
"""Mean seconds that a client waits between two requests."""
PATIENCE = 30.0
"""Seconds a client goes on asking for an answer to one command."""
UNANSWERED = frozenset({408, 429})
STATUS_CODES_OF_A_FAULT = frozenset({502, 503, 504})
OUTCOMES_OF_COMPLETING = {"completed", "failed"}


@dataclass(frozen=True)
class Told:
    """How a command ended for its client."""

    outcome: Outcome
    answer: Answer | None

    def __str__(self) -> str:
        return f"{self.answer.status} {self.answer.text}" if self.answer is not None else self.outcome

    @property
    def data(self) -> Any:
        assert self.answer is not None
        return self.answer.data

    @property
    def code(self) -> str:
        return str(self.answer.json.get("code")) if self.answer is not None else ""


class Visitor:
    """One client of an organisation with people of its own, so that nobody else changes their enrollments.

    What it does follows from the seed and from the answers it got.
    """

    def __init__(self, bed: Bed, ledger: Ledger, own: Organisation, foreign: Organisation, number: int, seed: int):
        self._ledger = ledger
        self._own = own
        self._foreign = foreign
        self._random = random.Random(f"{seed}:{number}")
        self._people = own.people[number :: VISITORS // 2]
        # One user wherever they ask: keys of requests count for a user.
        self._clients: list[Client] = [
            bed.client(own.id, gateway=copy, sub=f"visitor-{number}") for copy in range(len(bed.gateways))
        ]
        self._next = number
        self._mine: list[KnownEnrollment] = []
        self._manages = number == 0

    async def run(self, stop: asyncio.Event) -> None:
        """One thing after the other, until told to stop; a command that is under way is brought to its end."""
        deeds = [
            (30, self._enroll), (8, self._enroll_group), (12, self._cancel), (8, self._complete), (3, self._absent),
            (4, self._transfer), (12, self._read_enrollment), (10, self._read_history), (10, self._read_session),
            (5, self._list), (5, self._ask_badly), (5, self._ask_for_foreign),
        ]  # fmt: skip
        if self._manages:
            deeds += [(15, self._change_places), (8, self._create_session)]
        weights = [weight for weight, _ in deeds]
        while not stop.is_set():
            [(_, deed)] = self._random.choices(deeds, weights)
            await deed()
            await asyncio.sleep(self._random.uniform(0, 2 * PACE))

    async def _enroll(self) -> None:
        await self._enroll_people(1, waitlist=self._random.random() < 0.3)

    async def _enroll_group(self) -> None:
        await self._enroll_people(self._random.randint(2, 4), waitlist=self._random.random() < 0.5)

    async def _enroll_people(self, count: int, *, waitlist: bool) -> None:
        session = self._random.choice(list(self._own.sessions))
        free = [person for person in self._people if not self._may_be_in(person, session)]
        if len(free) < count:
            return
        people = self._random.sample(free, count)
        body = {"session_id": session, "employee_ids": people, "waitlist": waitlist}
        told = await self._command("POST", ENROLLMENTS, body, f"enroll {people} in {session}")
        if told.outcome == "unknown":
            self._ledger.lost.append(LostCommand(self._own.id, session, tuple(people)))
            self._people = tuple(person for person in self._people if person not in people)
        elif told.outcome == "refused":
            if told.code != "session_full":
                self._ledger.violation(f"enrolling {people} in {session} was refused: {told}")
        else:
            self._note_enrolled(session, told.data["enrollments"])

    def _note_enrolled(self, session: int, enrollments: list[dict[str, Any]]) -> None:
        for item in enrollments:
            statuses = {"waitlisted", "enrolled"} if item["status"] == "waitlisted" else {"enrolled"}
            known = KnownEnrollment(self._own.id, item["id"], item["employee_id"], {session}, statuses)
            if (self._own.id, known.id) in self._ledger.enrollments:
                self._ledger.violation(f"enrollment {known.id} was assigned twice")
            self._ledger.enrollments[self._own.id, known.id] = known
            self._mine.append(known)

    def _may_be_in(self, person: int, session: int) -> bool:
        return any(known.person == person and session in known.sessions for known in self._mine)

    async def _cancel(self) -> None:
        if known := self._one_that_is("enrolled", "waitlisted"):
            await self._change(known, "cancel", None, {"cancelled"})

    async def _complete(self) -> None:
        if known := self._one_that_is("enrolled"):
            score = self._random.randint(0, 100)
            await self._change(known, "complete", {"score": score}, OUTCOMES_OF_COMPLETING)

    async def _absent(self) -> None:
        if known := self._one_that_is("enrolled"):
            await self._change(known, "absent", None, {"absent"})

    async def _change(self, known: KnownEnrollment, what: str, body: Any, becomes: set[str]) -> None:
        told = await self._command("PATCH", f"{ENROLLMENTS}/{known.id}/{what}", body, f"{what} {known.id}")
        if told.outcome == "ok":
            known.statuses = {told.data["status"]}
            if not known.statuses <= becomes:
                self._ledger.violation(f"{what} of {known.id} made it {known.statuses}")
        elif told.outcome == "unknown":
            known.statuses |= becomes
        else:
            self._ledger.violation(f"{what} of {known.id}, which is {known.statuses}, was refused: {told}")

    async def _transfer(self) -> None:
        known = self._one_that_is("enrolled")
        if known is None or known.moved:
            return
        known.moved = True
        [session] = known.sessions
        to = [other for other in self._own.siblings(session) if not self._may_be_in(known.person, other)]
        if not to:
            return
        target = self._random.choice(to)
        path = f"{ENROLLMENTS}/{known.id}/transfer"
        told = await self._command("PATCH", path, {"session_id": target}, f"transfer {known.id} to {target}")
        if told.outcome == "ok" or told.code == "already_enrolled":  # by an attempt that was not answered
            known.sessions = {target}
        elif told.outcome == "unknown":
            known.sessions |= {target}
        elif told.code != "session_full":
            self._ledger.violation(f"transfer of {known.id} to {target} was refused: {told}")

    def _one_that_is(self, *statuses: str) -> KnownEnrollment | None:
        fitting = [known for known in self._mine if len(known.sessions) == 1 and known.statuses <= set(statuses)]
        return self._random.choice(fitting) if fitting else None

    async def _change_places(self) -> None:
        session = self._random.choice(list(self._own.sessions))
        body = {"max_participants": self._random.choice((4, 8, 16, 40, 80))}
        told = await self._command("PATCH", f"{SESSIONS}/{session}", body, f"places of {session}: {body}")
        if told.outcome == "refused" and told.code != "capacity_below_enrolled":
            self._ledger.violation(f"another number of places for {session} was refused: {told}")

    async def _create_session(self) -> None:
        name = f"New {uuid.UUID(int=self._random.getrandbits(128))} {self._own.mark}"
        body = {
            "course_id": self._own.courses[0], "session_name": name, "max_participants": 10,
            "start_date": "2031-05-15T09:00:00Z", "end_date": "2031-05-15T17:00:00Z",
        }  # fmt: skip
        told = await self._command("POST", SESSIONS, body, f"create session {name}")
        if told.outcome == "refused":
            self._ledger.violation(f"a new session was refused: {told}")
        self._ledger.sessions[self._own.id, name] = told.data["id"] if told.outcome == "ok" else None

    async def _read_enrollment(self) -> None:
        if not self._mine:
            return
        known = self._random.choice(self._mine)
        answer = await self._attempt("GET", f"{ENROLLMENTS}/{known.id}", None, {}, f"read {known.id}")
        if answer is None or answer.status >= 500:
            return
        version = int(answer.headers["ETag"].strip('W/"').split("-")[-2]) if answer.status == 200 else 0
        if answer.status != 200 or answer.data["status"] not in known.statuses or version < known.version:
            self._ledger.violation(f"{known} is shown as {answer.status} {answer.text}, version {version}")
        known.version = max(known.version, version)

    async def _read_history(self) -> None:
        await self._read(f"/api/v1/employees/{self._random.choice(self._people)}/training", "history")

    async def _read_session(self) -> None:
        await self._read(f"{SESSIONS}/{self._random.choice(list(self._own.sessions))}", "session")

    async def _list(self) -> None:
        await self._read(f"{ENROLLMENTS}?per_page=20&page={self._random.randint(1, 3)}", "enrollments")

    async def _read(self, path: str, what: str) -> None:
        answer = await self._attempt("GET", path, None, {}, f"read {what}")
        if answer is not None and answer.status < 500 and answer.status not in (200, 429):
            self._ledger.violation(f"{path} answered {answer.status}: {answer.text}")

    async def _ask_badly(self) -> None:
        body = self._random.choice(
            ({"session_id": "1", "employee_ids": [1]}, {"session_id": 1, "employee_ids": []}, {"seats": 1}, [1])
        )
        answer = await self._attempt("POST", ENROLLMENTS, body, {}, "ask badly")
        if answer is not None and answer.status not in (422, 429, *STATUS_CODES_OF_A_FAULT):
            self._ledger.violation(f"a bad body was answered {answer.status}: {answer.text}")

    async def _ask_for_foreign(self) -> None:
        """What belongs to another organisation is not there."""
        path = self._random.choice(
            (
                f"{SESSIONS}/{next(iter(self._foreign.sessions))}",
                f"/api/v1/employees/{self._foreign.people[0]}/training",
                f"/api/v1/employees/{self._foreign.people[0]}",
            )
        )
        answer = await self._attempt("GET", path, None, {}, "ask for what is another's")
        if answer is not None and answer.status not in (404, 429, *STATUS_CODES_OF_A_FAULT):
            self._ledger.violation(f"another organisation's {path} was answered {answer.status}: {answer.text}")

    async def _command(self, method: str, path: str, body: Any, what: str) -> Told:
        """Asks again, at the other gateway and with the same key, until there is an answer."""
        key = {"Idempotency-Key": str(uuid.UUID(int=self._random.getrandbits(128)))} if method == "POST" else {}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = await self._attempt(method, path, body, key, what)
            if answer is not None and answer.status < 300:
                return Told("ok", answer)
            if answer is not None and answer.status < 500 and not _asks_to_wait(answer):
                return Told("refused", answer)
            await asyncio.sleep(self._random.uniform(0.02, 0.2))
        self._ledger.tell(f"never answered: {what}")
        return Told("unknown", None)

    async def _attempt(self, method: str, path: str, body: Any, headers: dict[str, str], what: str) -> Answer | None:
        self._next += 1
        number = self._next % len(self._clients)
        began = time.monotonic()
        answer: Answer | None = None
        reached = True
        try:
            options = {} if body is None else {"json": body}
            answer = await self._clients[number].request(method, path, headers=headers, **options)
        except TimeoutError:
            self._ledger.tell(f"no answer at all from gateway {number + 1}: {what}")
        except (aiohttp.ClientError, OSError) as error:
            reached = not isinstance(error, aiohttp.ClientConnectorError)
        status = answer.status if answer is not None else None
        seconds = time.monotonic() - began
        self._ledger.attempts.append(Attempt(began, seconds, _service_of(path), number, status, what, reached))
        if answer is not None:
            self._check(answer, what)
        return answer

    def _check(self, answer: Answer, what: str) -> None:
        if self._foreign.mark in answer.text:
            self._ledger.violation(f"I6: {what} showed another organisation's data: {answer.text}")
        if answer.status >= 500 and answer.status not in STATUS_CODES_OF_A_FAULT:
            self._ledger.violation(f"I7: {what} was answered {answer.status}: {answer.text}")


def _asks_to_wait(answer: Answer) -> bool:
    return answer.status in UNANSWERED or answer.json.get("code") == "idempotency_in_flight"


def _service_of(path: str) -> str:
    if path.endswith("/training"):
        return "history"
    return "catalog" if path.startswith(SESSIONS) else "enrollment"


@asynccontextmanager
async def load(bed: Bed, scene: tuple[Organisation, Organisation], seed: int) -> AsyncIterator[Ledger]:
    """Clients of both organisations at work while the block runs; each has ended its last command after it."""
    ledger, stop = Ledger(), asyncio.Event()
    first, second = scene
    visitors = [
        Visitor(bed, ledger, *((first, second) if number % 2 else (second, first)), number // 2, seed * 2 + number % 2)
        for number in range(VISITORS)
    ]
    working = [asyncio.create_task(visitor.run(stop)) for visitor in visitors]
    try:
        yield ledger
    finally:
        stop.set()
        await asyncio.gather(*working)
