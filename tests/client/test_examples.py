"""The examples of clients/python, each as a process of its own, on the whole system."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks import Webhook

from muster import AsyncMuster
from stack.config.ports import reserve_port
from tests.support.client import Client
from tests.support.eventually import DEADLINE, eventually
from tests.support.muster_command import PACKAGE, environment
from tests.support.papers import ROOT
from tests.support.world import EMPLOYEES, new_course, new_employees, new_session

EXAMPLES = PACKAGE / "examples"
MOST_LINES = 15
CLIENT_EXAMPLES = sorted(EXAMPLES.glob("*.py"))


@asynccontextmanager
async def running(
    client: Client, folder: Path, name: str, *arguments: str, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Ended with the block at the latest."""
    assert client.token is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / f"{name}.py"),
        *arguments,
        cwd=folder,
        env=environment(client.url, MUSTER_TOKEN=client.token, **variables),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(client: Client, folder: Path, name: str, *arguments: str) -> tuple[int | None, str, str]:
    async with running(client, folder, name, *arguments) as process, asyncio.timeout(2 * DEADLINE):
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()


@pytest.mark.parametrize("file", CLIENT_EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_short(file: Path) -> None:
    _, _, code = file.read_text().split('"""', 2)
    lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) <= MOST_LINES + (5 if file.stem == "receiver" else 0)


async def test_the_journey(admin: Client, tmp_path: Path) -> None:
    course = await new_course(admin, title="Leadership Essentials", pass_score=70)
    await new_session(
        admin,
        course,
        start_date="2026-05-15T09:00:00Z",
        end_date="2026-05-15T17:00:00Z",
        max_participants=5,
    )
    for person in (42, 43, 44, 10, 101, 102):
        await admin.put(f"{EMPLOYEES}/{person}", {"employee_id": f"EMP-{person}", "full_name": "John Doe"})
    status, output, errors = await ended(admin, tmp_path, "journey")
    assert (status, errors) == (0, "")
    assert output.splitlines() == [
        "3 enrolled, 2 spots left",
        "Session is at capacity. Only 2 spots remaining. You requested 3 enrollments. (2 of 3)",
        "John Doe: completed, 82",
    ]


async def test_the_nightly_job(admin: Client, tmp_path: Path) -> None:
    course = await new_course(admin)
    session = await new_session(admin, course)
    [person] = await new_employees(admin, 1)
    async with AsyncMuster(admin.url, token=admin.token) as client:
        made = await client.enrollments.create(session_id=session, employee_ids=[person])
        await client.enrollments.complete(made.enrollments[0].id)
    (tmp_path / "people.csv").write_text("id,employee_id,full_name\n7,EMP-7,Ann\n8,,Ben\n")
    status, output, errors = await ended(admin, tmp_path, "nightly")
    assert (status, errors.startswith("line 3: ")) == (1, True), errors
    assert output.startswith(f"{person},{course},")


async def test_the_receiver(admin: Client, tmp_path: Path) -> None:
    secret, port, body = "whsec_" + "QUFB" * 8, reserve_port(), '{"id": "e-1", "type": "t", "source": "s"}'
    async with running(admin, tmp_path, "receiver", str(port), WEBHOOK_SECRET=secret) as process:
        signed = Webhook(secret)
        now = datetime.now(UTC)
        sent = {"webhook-id": "e-1", "webhook-timestamp": str(int(now.timestamp()))}

        async def status_of(signature: str) -> int:
            async with aiohttp.ClientSession() as http:
                answer = await http.post(
                    f"http://127.0.0.1:{port}/", data=body, headers={**sent, "webhook-signature": signature}
                )
                return answer.status

        async def accepted() -> bool:
            try:
                return await status_of(signed.sign("e-1", now, body)) == 204
            except aiohttp.ClientConnectionError:
                return False

        await eventually(accepted)
        assert await status_of("v1,QUFB") == 401
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            assert (await process.stdout.readline()).decode().startswith("e-1 t ")


async def test_the_subscriber_goes_on_where_it_was(admin: Client, tmp_path: Path) -> None:
    session = await new_session(admin, await new_course(admin))
    people = await new_employees(admin, 2)
    async with AsyncMuster(admin.url, token=admin.token) as client:
        for person in people:
            made = await client.enrollments.create(session_id=session, employee_ids=[person])
            subject = f"enrollments/{made.enrollments[0].id}"

            async def lines() -> list[str]:
                status, output, errors = await ended(admin, tmp_path, "subscriber", "--once")
                assert (status, errors) == (0, "")
                return output.splitlines()

            assert await eventually(lines) == [f"{subject} training.enrollment.created.v1 1"]


def checked(*files: Path) -> str:
    """What mypy says, by the settings of the repository."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, files)],
        cwd=ROOT,
        env={"PATH": os.defpath, "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    return done.stdout


@pytest.mark.timeout(180)
def test_types_show_mistakes_and_the_examples_have_none(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from muster import Muster\n"
        "client = Muster()\n"
        "client.sessions.list(status='opne')\n"
        "client.courses.get(7).titel\n"
        "client.enrollments.complete(301, scor=82)\n"
        "reveal_type(client.courses.get(7).category)\n"
    )
    said = checked(*CLIENT_EXAMPLES, wrong)
    assert [
        line for line in said.splitlines() if "error" in line and "wrong.py" not in line and "Found" not in line
    ] == []
    for line in (3, 4, 5):
        assert f"wrong.py:{line}: error" in said, said
