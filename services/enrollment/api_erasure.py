"""Enrollment's routes of all that is known of one person, and of erasing it (contract, section 4)."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from services.enrollment.calendars import sight_of_calendars
from services.enrollment.erasing import HELD_ELSEWHERE, check_in_sight, check_there
from services.enrollment.errors import ChangedMeanwhile, PersonNotFound, RecordsMustBeKept, TrainingUnderWay
from services.enrollment.representations_erasure import ErasedPerson, PersonData
from services.enrollment.schemas import Erasure
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import one_person
from services.enrollment.use_cases import erasing
from services.enrollment.use_cases.change_set import in_transaction
from shared.auth.internal_token import MANAGE, VIEW_SELF
from shared.http.conditional import Document
from shared.http.models import JSON_TYPE, Body, Query
from shared.http.representation import Success
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.http.streaming import Streamed
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection
from shared.service.chassis import POOL
from shared.service.exports import EXPORTS, Moment

KEEP_YEARS = web.AppKey("erasure_keep_years", int)
CONTENT_TYPE: Final = f"{JSON_TYPE}; charset=utf-8"


async def keep_years(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """For how long records have to be kept."""
    app[KEEP_YEARS] = settings.erasure_keep_years
    yield


async def _document(moment: Moment, organisation_id: int, person_id: int, ids: Sequence[int]) -> AsyncIterator[bytes]:
    """As `Success[PersonData]`; a failure ends it in the middle, and so it is no JSON then."""
    head = json.dumps({"id": person_id, "held_elsewhere": HELD_ELSEWHERE}, ensure_ascii=False)
    yield f'{{"success": true, "data": {head[:-1]}'.encode()
    for name in one_person.PARTS:
        yield f', "{name}": ['.encode()
        between = ""
        async for rows in one_person.part(moment.reads.connection, organisation_id, ids, name, moment.check_time):
            yield f"{between}{rows}".encode()
            between = ", "
        yield b"]"
    with suppress(DatabaseUnavailable):
        await moment.reads.end()
    yield b"}}"


def _routes(path: str, type_: str, single: str) -> list[Route[Any, Any]]:
    async def get_data(call: Call[Query, Body]) -> Streamed:
        sight = sight_of_calendars(call.caller)  # the same right: everybody's to manage, or one's own
        check_in_sight(sight, call.id)
        moment = await call.app[EXPORTS].look(call, [call.organisation_id])
        connection = moment.reads.connection
        person = await one_person.person(connection, call.organisation_id, type_, call.id)
        check_there(person, type_, say_whom=sight.everybody)
        ids = await one_person.same_people(connection, call.organisation_id, call.id)
        chunks = _document(moment, call.organisation_id, call.id, ids)
        return Streamed(chunks, CONTENT_TYPE, headers=moment.file(call, "json"))

    async def erase_person(call: Call[Query, Erasure]) -> Answer:
        years = call.app[KEEP_YEARS]

        async def work(connection: Connection) -> Document:
            return await erasing.erase(
                connection, call.organisation_id, type_, call.id, call.body.reason, call.actor, keep_years=years
            )

        person = await in_transaction(call.app[POOL], call.organisation_id, work)
        return success(person.text, message="Erased")

    return [
        Route(
            "GET",
            path + "/{id}/data",
            get_data,
            {200: Success[PersonData]},
            permissions=[MANAGE, VIEW_SELF],
            streamed=True,
            summary=f"Get data of {single}",
            description=(
                "Everything that is known of one person, in one document; also of a person who was removed. It says"
                " who else has copies."
            ),
            refusals=[PersonNotFound],
        ),
        Route(
            "POST",
            path + "/{id}/erase",
            erase_person,
            {200: Success[ErasedPerson]},
            permissions=[MANAGE],
            body=Erasure,
            summary=f"Erase {single}",
            description=(
                f"What says who the {single} is becomes blank everywhere, for good, and they are removed. What"
                " happened stays, without them. It cannot be undone; again it changes nothing."
            ),
            refusals=[PersonNotFound, TrainingUnderWay, RecordsMustBeKept, ChangedMeanwhile],
        ),
    ]


ERASURE_ROUTES: list[Route[Any, Any]] = [
    *_routes("/api/v1/employees", "employee", "employee"),
    *_routes("/api/v1/staff", "staff", "staff member"),
]
