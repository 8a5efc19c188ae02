"""Lists of who administers an installation and of what they do there, as walks go through them."""

import itertools
import secrets

from services.accounts.schemas_clients import ClientFields
from services.accounts.schemas_organisations import OrganisationFields
from services.accounts.schemas_users import UserFields
from services.delivery.schemas_webhooks import WebhookFields
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.importing import FILES, ended_import
from tests.support.routes import example_body
from tests.support.walked_lists import Scene, Walked, deleted, posted
from tests.support.world import CALENDARS, CLIENTS, IMPORTS, ORGANISATIONS, USERS, WEBHOOK_MESSAGES, WEBHOOKS


async def users(client: Client) -> Walked:
    return await posted(client, USERS, example_body(UserFields))


async def clients(client: Client) -> Walked:
    walked = await posted(client, CLIENTS, example_body(ClientFields))
    walked.filters = {"status": "active"}
    return walked


async def webhooks(client: Client) -> Walked:
    walked = await posted(client, WEBHOOKS, {**example_body(WebhookFields), "types": ["training.session.removed.v1"]})
    walked.filters = {"status": "enabled"}
    return walked


async def calendars(client: Client) -> Walked:
    async def add() -> int:
        answer = await client.post(CALENDARS, {"kind": "facilitator", "id": secrets.randbelow(2**40) + 1})
        assert answer.status == 201, answer.text
        return int(answer.data["id"])

    return Walked(client, CALENDARS, add, leave=deleted(client, CALENDARS), filters={"status": "active"})


async def messages(client: Client) -> Walked:
    webhook = await (await webhooks(client)).add()

    async def add() -> int:
        return int((await client.post(f"{WEBHOOKS}/{webhook}/test", None)).data["id"])

    return Walked(client, f"{WEBHOOKS}/{webhook}/messages", add)


async def attempts(client: Client) -> Walked:
    """Between two attempts the webhook is disabled, so that none comes by itself."""
    webhook = await (await webhooks(client)).add()
    message = (await client.post(f"{WEBHOOKS}/{webhook}/test", None)).data["id"]
    path = f"{WEBHOOKS}/{webhook}/attempts"

    async def add() -> int:
        before: int = (await client.get(path)).json["meta"]["total"]
        await client.patch(f"{WEBHOOKS}/{webhook}", {"status": "enabled"})
        await client.post(f"{WEBHOOK_MESSAGES}/{message}/resend", None)

        async def made() -> bool:
            total: int = (await client.get(path)).json["meta"]["total"]
            return total > before

        await eventually(made)
        await client.patch(f"{WEBHOOKS}/{webhook}", {"status": "disabled"})
        return int((await client.get(path)).data[0]["id"])

    return Walked(client, path, add, filters={"message_id": message})


def imports(kind: str) -> Scene:
    async def scene(client: Client) -> Walked:
        return Walked(client, f"{IMPORTS}/{kind}", lambda: ended_import(client, FILES[kind], kind=kind))

    return scene


def refusals(kind: str) -> Scene:
    """All of one import are there from the beginning: `add` gives the next of them."""

    async def scene(client: Client) -> Walked:
        header, line = FILES[kind].split("\r\n")[:2]
        file = "\r\n".join([header, *[f"x{line}"] * 20])  # whose ids are no numbers
        path, lines = f"{IMPORTS}/{kind}/{await ended_import(client, file, kind=kind)}/refusals", itertools.count(2)

        async def add() -> int:
            return next(lines)

        return Walked(client, path, add, key=lambda item: int(item["line"]))

    return scene


async def organisations(client: Client) -> Walked:
    """Among those of all other tests."""
    name = secrets.token_hex(8)
    walked = await posted(client, ORGANISATIONS, {**example_body(OrganisationFields), "name": name})

    async def leave(row: int) -> None:
        assert (await client.patch(f"{ORGANISATIONS}/{row}", {"suspended": True})).status == 200

    walked.leave, walked.filters = leave, {"search": name, "status": "active"}
    return walked
