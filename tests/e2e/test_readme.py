"""README's journeys, pasted into a shell: who may work somewhere, and the way to a program of one's own."""

import asyncio
import json
import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pypdfium2
import zxingcpp

from tests.support.clearances import clearance
from tests.support.client import Client
from tests.support.demonstration import ORGANISATION, load_demonstration
from tests.support.eventually import DEADLINE, eventually
from tests.support.lifecycle import changed
from tests.support.papers import ROOT, section, text_of
from tests.support.programs import MAKER
from tests.support.stack import Stack, running_stack
from tests.support.world import CLIENTS, new_course

WORKER = 456
PROJECT = 5
ENDS = date(2030, 1, 10)
"""From this day on the worker's work at height has run out, as the demonstration data has it."""


def blocks(title: str, language: str) -> list[str]:
    """What is written in that language in a section of README."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, section(text_of(ROOT / "README.md"), title), re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """One on each line, as a reader pastes them."""
    [pasted] = blocks("## A program of your own", "sh")
    return pasted.splitlines()


async def pasted(script: str, folder: Path) -> str:
    """What the shell printed last; each command must have succeeded."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-eu", "-c", script, cwd=folder, env={"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(2 * DEADLINE):
        output, _ = await process.communicate()
    assert process.returncode == 0, output
    return output.decode()


async def test_a_stranger_gets_to_a_program_with_a_key_of_its_own_in_five_commands(
    stack: Stack, organisation: int, tmp_path: Path
) -> None:
    admin = stack.client(organisation, permissions=list(MAKER))
    course = await new_course(admin, title="Leadership Essentials")
    start, *rest = commands()
    assert (start, len(rest)) == ("./dev up --detach", 4)
    prepared(tmp_path, stack, admin)
    output = await pasted("\n".join(rest), tmp_path)
    made = json.loads((tmp_path / ".stack" / "program.json").read_text())["data"]
    [_, listed] = output.replace("}{", "}\n{").splitlines()
    assert [each["id"] for each in json.loads(listed)["data"]] == [course]
    used = (await admin.get(f"{CLIENTS}/{made['id']}")).data
    assert (used["name"], used["last_used_at"] is None) == ("My program", False)


def prepared(folder: Path, stack: Stack, client: Client) -> None:
    """As `./dev up --detach` leaves it."""
    (folder / ".stack").mkdir()
    (folder / ".stack" / "env").write_text(f"GATEWAY_URL={stack.gateway_url}\nTOKEN={client.token}\n")


def today_in(answer: str, today: date) -> Any:
    """The answer as README has it, on another day than that it was written on."""
    written = json.loads(answer)
    written["data"]["on"] = today.isoformat()
    return written


async def test_who_may_work_here_is_answered_as_it_is_written(tmp_path: Path) -> None:
    names, *_ = blocks("## A first tour", "sh")
    first, list_of_a_morning, certificate = blocks("## Who may work here", "sh")
    [answer] = blocks("## Who may work here", "json")
    async with running_stack() as stack:
        await load_demonstration(stack)
        admin = stack.client(ORGANISATION)
        prepared(tmp_path, stack, admin)
        today = datetime.now(UTC).date()
        shown = json.loads(await pasted(names + first, tmp_path))
        assert shown == today_in(answer, today) or today >= ENDS
        later = json.loads(await pasted(names + first.replace("project_id=5", "project_id=5&on=2030-02-01"), tmp_path))
        assert [each["status"] for each in later["data"]["requirements"]] == ["met", "lacking"]
        both = json.loads(await pasted(names + list_of_a_morning, tmp_path))["data"]["results"]
        assert [each["employee_id"] for each in both] == [WORKER, 42]
        assert [each["cleared"] for each in both] == [shown["data"]["cleared"], False]
        await pasted(names + certificate, tmp_path)
        await reopened_it_is_revoked(stack, admin, code_on(tmp_path / "certificate.pdf"))


def code_on(certificate: Path) -> str:
    """The address in its QR code."""
    page = pypdfium2.PdfDocument(certificate.read_bytes())[0]
    [code] = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    return str(code.text)


async def reopened_it_is_revoked(stack: Stack, admin: Client, address: str) -> None:
    """What README says of that: the page says revoked, nobody is cleared by it any more, and an event has it."""
    path = address.removeprefix(stack.gateway_url)
    headers = {"Accept": "text/html"}
    assert "genuine" in (await stack.anonymous().request("GET", path, headers=headers)).text
    await changed(admin, 7885, "reopen", {"reason": "It was somebody else"})
    assert "Revoked" in (await stack.anonymous().request("GET", path, headers=headers)).text
    assert not (await clearance(admin, WORKER, project_id=PROJECT))["cleared"]

    async def lost() -> list[Any]:
        events = (await admin.get("/api/v1/events", types="training.clearance.lost.v1")).json["data"]
        return [each for each in events if each["data"]["employee_id"] == WORKER]

    [event] = await eventually(lost)
    assert event["data"]["requirement"] == {"id": 2, "name": "Work at height", "project_ids": [PROJECT]}
