"""`clients add|list|rotate|revoke` of an operator."""

from shared.auth.internal_token import ACCOUNTS, PLATFORM, VIEW
from tests.support.commands import Outcome, run
from tests.support.programs import Program, claims_of, maker, refusals_of, token_of
from tests.support.stack import Stack
from tests.support.world import CLIENTS


async def clients(stack: Stack, *arguments: str) -> Outcome:
    return await run("accounts", stack.settings["accounts"], "clients", *arguments)


def shown(outcome: Outcome) -> Program:
    assert outcome.status == 0, outcome.errors
    values = dict(line.split(": ") for line in outcome.output.splitlines())
    return Program(0, values["client_id"], values["client_secret"])


async def test_a_client_of_the_platform_from_its_making_to_its_end(stack: Stack, organisation: int) -> None:
    """No token may make one: only whoever operates the installation."""
    org = ("--org", str(organisation))
    program = shown(await clients(stack, "add", "Provisioning", *org, "--permissions", f"{PLATFORM}, {VIEW}"))
    assert claims_of(await token_of(stack, program))["permissions"] == ["api.access", PLATFORM, VIEW]

    listed = await clients(stack, "list", *org)
    assert listed.status == 0, listed.errors
    [line] = [line for line in listed.output.splitlines() if program.client_id in line]
    assert "active" in line
    assert "Provisioning" in line
    assert "muster_cs_" not in listed.output

    rotated = shown(await clients(stack, "rotate", program.client_id))
    assert [(await token_of(stack, each)).status for each in (program, rotated)] == [200, 200]
    last = shown(await clients(stack, "rotate", program.client_id, "--at-once"))
    assert [(await token_of(stack, each)).status for each in (rotated, last)] == [401, 200]

    assert (await clients(stack, "revoke", program.client_id)).output == f"{program.client_id} is revoked\n"
    assert (await token_of(stack, last)).status == 401
    assert len(await refusals_of(stack, program)) == 2
    [row] = (await maker(stack, organisation).get(CLIENTS)).data
    trail = await maker(stack, organisation).get(f"{CLIENTS}/{row['id']}/audit")
    assert [each["action"] for each in trail.data] == [
        "client.saved",
        "client.rotated",
        "client.rotated",
        "client.revoked",
    ]
    assert {each["changed_by"]["name"] for each in trail.data} == {"Operator"}


async def test_nobody_takes_over_a_client_of_the_platform(stack: Stack, organisation: int) -> None:
    await clients(stack, "add", "Provisioning", "--org", str(organisation), "--permissions", f"{PLATFORM},{ACCOUNTS}")
    admin = maker(stack, organisation)
    [row] = (await admin.get(CLIENTS)).data
    for answer in (
        await admin.post(f"{CLIENTS}/{row['id']}/rotate", {}),
        await admin.patch(f"{CLIENTS}/{row['id']}", {"name": "Mine"}),
    ):
        assert (answer.status, answer.json["message"]) == (403, f"This needs the permission {PLATFORM}.")
    assert (await admin.delete(f"{CLIENTS}/{row['id']}")).status == 200


async def test_what_is_wrong_is_said_and_changes_nothing(stack: Stack, organisation: int) -> None:
    org = ("--org", str(organisation))
    for arguments, why in (
        (("add", "X", *org, "--permissions", "training.fly"), "permissions.0: Must be one of"),
        (("add", " ", *org, "--permissions", VIEW), "name: Must not be empty."),
        (("add", "X", *org, "--permissions", VIEW, "--expires-at", "2020-01-01T00:00:00Z"), "expires_at: Must be in"),
        (("rotate", "muster_ci_unknown"), "The client does not exist."),
        (("revoke", "muster_ci_unknown"), "The client does not exist."),
    ):
        outcome = await clients(stack, *arguments)
        assert (outcome.status, outcome.output) == (1, ""), arguments
        assert why in outcome.errors
    assert (await maker(stack, organisation).get(CLIENTS)).data == []
