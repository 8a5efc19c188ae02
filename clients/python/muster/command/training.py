"""`muster enroll`, `complete`, `history` and `clearance`: what happens to people."""

from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from muster.asked import Request, json_upload
from muster.command.common import DONE, IN_PART, STATUS, AsJson, Common, Filters, Session
from muster.command.lists import LIMIT, All, Limit, data_of, show_list
from muster.command.output import Row
from muster.errors import CutShort, Unreachable
from muster.exporting import filters_of

ENROLLMENTS: Final = "/api/v1/training/enrollments"
ENROLL_STATUS: Final = STATUS.replace("2 if not", "1 if --partial left somebody out, 2 if nobody was enrolled")
CLEARANCE_STATUS: Final = STATUS.replace("if it is done", "if they may work there, 1 if not").replace(
    "2 if not", "2 if that could not be found out"
)
PLACES: Final = {"enrollment": "id", "person": "employee_id", "status": "status", "waitlist": "waitlist_position"}
HISTORY: Final = {
    "id": "id",
    "training": "training_name",
    "status": "status",
    "result": "result",
    "completed": "completed_at",
    "valid until": "valid_until",
    "session": "session.name",
}
REQUIREMENTS: Final = {
    "requirement": "requirement.name",
    "status": "status",
    "course": "course_id",
    "valid until": "valid_until",
}

Person = Annotated[int, typer.Argument(metavar="PERSON", min=1, help="Their id in Muster")]
IsStaff = Annotated[bool, typer.Option("--staff", help="The id is that of a member of staff")]


def add_training(app: typer.Typer) -> None:
    app.command("enroll", epilog=ENROLL_STATUS)(enroll)
    app.command("complete", epilog=STATUS)(complete)
    app.command("history", epilog=STATUS)(history)
    app.command("clearance", epilog=CLEARANCE_STATUS)(clearance)


def enroll(
    context: typer.Context,
    session_id: Annotated[int, typer.Argument(metavar="SESSION", min=1, help="The id of the session")],
    people: Annotated[list[int], typer.Argument(metavar="PERSON...", min=1, help="Their ids, at most 500")],
    waitlist: Annotated[bool, typer.Option("--waitlist", help="Who does not fit goes on the waitlist")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Enroll those who can be, and name the others")] = False,
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The same key within 24 hours: the same answer, and nothing is done"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enroll people in a session: all of them, or nobody."""
    common: Common = context.obj
    wanted = {"session_id": session_id, "employee_ids": people, "waitlist": waitlist, "partial": partial}
    key = key or str(uuid4())
    headers = {"Idempotency-Key": key}
    # The server knows by the key that it has done it.
    command = Request("POST", ENROLLMENTS, headers=headers, upload=json_upload(wanted), is_safe=True)

    def work(session: Session) -> int:
        try:
            answer = session.transport.ask(command)
        except (KeyboardInterrupt, Unreachable, CutShort):
            session.screen.say(f"No answer came: they may be enrolled. To be sure, repeat it with --key {key}")
            raise
        return _said(session, data_of(answer.data), as_json=as_json)

    common.run(work, as_json=as_json)


def _said(session: Session, enrolled: Row, *, as_json: bool) -> int:
    refused = enrolled.get("refused") or []
    if as_json:
        session.output.row(enrolled)
    else:
        session.output.rows(enrolled.get("enrollments") or [], PLACES)
        for each in refused:
            session.screen.say(f"Not enrolled: {each.get('employee_id')}: {each.get('message') or each.get('code')}")
        for each in enrolled.get("warnings") or []:
            session.screen.note(f"Note: {each.get('message') or each.get('code')}")
        session.screen.note(f"Spots left: {enrolled.get('session_available_spots')}")
    return IN_PART if refused else DONE


def complete(
    context: typer.Context,
    enrollment: Annotated[int, typer.Argument(metavar="ENROLLMENT", min=1, help="The id of the enrollment")],
    score: Annotated[float | None, typer.Option(min=0, max=100, help="Of 100; the course says what is enough")] = None,
    feedback: Annotated[str | None, typer.Option(help="What the trainer says")] = None,
    completed_at: Annotated[
        str | None, typer.Option("--at", metavar="MOMENT", help="When: 2026-11-30T09:00:00Z; now if left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say that somebody has completed a session; what is left out stays as it is."""
    common: Common = context.obj
    given: dict[str, Any] = {"score": score, "feedback": feedback, "completed_at": completed_at}
    body = {name: value for name, value in given.items() if value is not None}
    # Sent again it says the same.
    command = Request("PATCH", f"{ENROLLMENTS}/{enrollment}/complete", upload=json_upload(body), is_safe=True)

    def work(session: Session) -> int:
        session.output.row(data_of(session.transport.ask(command).data))
        return DONE

    common.run(work, as_json=as_json)


def history(
    context: typer.Context,
    person: Person,
    filters: Filters = None,
    staff: IsStaff = False,
    limit: Limit = LIMIT,
    all_: All = False,
    as_json: AsJson = False,
) -> None:
    """Show what somebody is enrolled in and has completed, and until when it is valid."""
    common: Common = context.obj
    path, wanted = f"{_people(staff)}/{person}/training", None if all_ else limit
    common.run(lambda session: show_list(session, path, filters_of(filters or ()), HISTORY, wanted), as_json=as_json)


def clearance(
    context: typer.Context,
    person: Person,
    project: Annotated[int, typer.Option(min=1, help="The project, or site")],
    on: Annotated[str | None, typer.Option(metavar="DAY", help="2026-12-01; today if left out")] = None,
    staff: IsStaff = False,
    as_json: AsJson = False,
) -> None:
    """Ask whether somebody may work at a site: what meets each requirement, and until when."""
    common: Common = context.obj
    query: dict[str, str | int | bool] = {"project_id": project} | ({"on": on} if on else {})

    def work(session: Session) -> int:
        path = f"{_people(staff)}/{person}/clearance"
        found = data_of(session.transport.request("GET", path, query).data)
        is_cleared = found.get("cleared") is True
        if as_json:
            session.output.row(found)
        else:
            session.output.rows(found.get("requirements") or [], REQUIREMENTS)
            session.out.say(f"{'Cleared' if is_cleared else 'Not cleared'} on {found.get('on')}")
        return DONE if is_cleared else IN_PART

    common.run(work, as_json=as_json)


def _people(staff: bool) -> str:
    return "/api/v1/staff" if staff else "/api/v1/employees"
