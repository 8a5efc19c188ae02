"""README's way to a program of one's own, pasted into a shell."""

import asyncio
import json
import os
import re
from pathlib import Path

from tests.support.eventually import DEADLINE
from tests.support.papers import ROOT, section, text_of
from tests.support.programs import MAKER
from tests.support.stack import Stack
from tests.support.world import CLIENTS, new_course


def commands() -> list[str]:
    """One on each line, as a reader pastes them."""
    [pasted] = re.findall(
        r"^```sh\n(.*?)^```", section(text_of(ROOT / "README.md"), "## A program of your own"), re.DOTALL | re.MULTILINE
    )
    return str(pasted).splitlines()


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
    (tmp_path / ".stack").mkdir()
    (tmp_path / ".stack" / "env").write_text(f"GATEWAY_URL={stack.gateway_url}\nTOKEN={admin.token}\n")
    output = await pasted("\n".join(rest), tmp_path)
    made = json.loads((tmp_path / ".stack" / "program.json").read_text())["data"]
    [_, listed] = output.replace("}{", "}\n{").splitlines()
    assert [each["id"] for each in json.loads(listed)["data"]] == [course]
    used = (await admin.get(f"{CLIENTS}/{made['id']}")).data
    assert (used["name"], used["last_used_at"] is None) == ("My program", False)
