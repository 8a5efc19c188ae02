"""`dead-letters list|show|retry|discard`: an operator's commands for messages that could not be applied."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from aio_pika.exceptions import DeliveryError
from aiormq.exceptions import ChannelAccessRefused

from shared.messaging.broker import QueueName
from shared.messaging.dead_letter import DeadLetter
from shared.messaging.dead_letter_queue import WINDOW, DeadLetterQueue, QueueInUse, QueueMissing, dead_letter_queue
from shared.messaging.errors import BROKER_ERRORS
from shared.settings import ServiceSettings

DONE, NOT_ALL_DONE, NOT_POSSIBLE = 0, 1, 2
"""Exit statuses; 2 is also that of a wrong command line."""
DEFAULT_LIMIT = 50

Opened = Callable[[], AbstractAsyncContextManager[DeadLetterQueue]]
"""Opens the dead-letter queue, locked for one piece of work."""

_DESCRIPTION = f"""Messages that this service could not apply. Inspect them, fix the cause, then retry them. A retry
goes to this service's queue alone; an event that was applied meanwhile in a newer version changes nothing. A command
works on the oldest {WINDOW} messages; other commands on the same queue wait until it ends."""
_STATUSES = "Exit status: 0 done, 1 some messages were not found or not accepted, 2 nothing could be done."
_COLUMNS = "{:<36}  {:<32}  {:>8}  {:>12}  {:<36}  {}"


def add_dead_letter_commands(commands: Any) -> None:
    """Adds `dead-letters` with its own commands to a service's command line."""
    title = "list, show, retry or discard messages that could not be applied"
    parser = commands.add_parser("dead-letters", help=title, description=_DESCRIPTION, epilog=_STATUSES)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="one line each, oldest first; changes nothing")
    listing.add_argument("--limit", type=_limit, default=DEFAULT_LIMIT, help=f"at most this many (1-{WINDOW})")
    showing = actions.add_parser("show", help="everything about one: the event and its headers; changes nothing")
    showing.add_argument("ids", metavar="ID", nargs=1, help="as list shows it")
    for parser in (listing, showing):
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    retrying = actions.add_parser("retry", help="put them back into this service's queue, in order")
    discarding = actions.add_parser("discard", help="delete them for good, after a confirmation")
    for parser in (retrying, discarding):
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("ids", metavar="ID", nargs="*", default=[], help="as list shows it")
        which.add_argument("--all", action="store_true", help=f"all of them, at most the oldest {WINDOW}")
    discarding.add_argument("--yes", action="store_true", help="do not ask")


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= WINDOW:
        raise argparse.ArgumentTypeError(f"must be from 1 to {WINDOW}")
    return limit


def answer_dead_letters(queue: QueueName, settings: ServiceSettings, arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    opened = partial(dead_letter_queue, settings.migration_amqp_url.get_secret_value(), queue)
    try:
        if arguments.action == "discard":
            return _discard(opened, queue.dead_letters, arguments)
        action = {"list": _list, "show": _show, "retry": _retry}[arguments.action]
        return asyncio.run(action(opened, queue.dead_letters, arguments))
    except QueueMissing as error:
        return _fail(f"the queue {error} does not exist: run `migrate`, which declares it")
    except QueueInUse as error:
        return _fail(f"another command is working on {error}: try again when it has ended")
    except DeliveryError as error:
        return _fail(f"the broker rejected the message ({error!r}); it and those after it stay", NOT_ALL_DONE)
    except ChannelAccessRefused as error:
        return _fail(f"RabbitMQ refused: {error}; MIGRATION_AMQP_URL must be that of the user who declares the queues")
    except (*BROKER_ERRORS, asyncio.CancelledError) as error:  # aio-pika raises the latter for a lost connection
        return _fail(f"RabbitMQ cannot be reached: {error!r}; run the command again")


def _fail(message: str, status: int = NOT_POSSIBLE) -> int:
    print(message, file=sys.stderr)
    return status


async def _list(opened: Opened, name: str, arguments: argparse.Namespace) -> int:
    async with opened() as queue:
        shown = queue.letters[: arguments.limit]
        if arguments.json:
            _print_json({"queue": name, "total": queue.total, "dead_letters": [_summary(x) for x in shown]})
            return DONE
        if shown:
            print(_COLUMNS.format("ID", "FIRST SEEN", "ATTEMPTS", "ORGANISATION", "EVENT", "REASON"))
        for letter in shown:
            print(_COLUMNS.format(*("-" if value is None else value for value in _summary(letter).values())))
        more = "" if len(shown) == queue.total else f", of which {len(shown)} are shown"
        print(f"{queue.total} dead letters in {name}{more}")
        return DONE


async def _show(opened: Opened, _: str, arguments: argparse.Namespace) -> int:
    async with opened() as queue:
        found = [letter for letter in queue.letters if letter.id == arguments.ids[0]]
        if not found:
            return _unknown(arguments.ids, queue)
        documents = [_summary(x) | {"routing_key": x.routing_key, "headers": x.headers, "body": x.body} for x in found]
        for document in [documents] if arguments.json else documents:
            _print_json(document)
        return DONE


async def _retry(opened: Opened, _: str, arguments: argparse.Namespace) -> int:
    async with opened() as queue:
        count = await queue.retry(_chosen(arguments))
        print(f"{count} put back into the queue of the service")
        return _unknown(arguments.ids, queue) or _remaining(arguments, queue)


def _discard(opened: Opened, name: str, arguments: argparse.Namespace) -> int:
    """Asks for confirmation while no message is held, since that may take long. Deletes what was there at that time."""
    ids = asyncio.run(_chosen_ids(opened, arguments))
    if ids and not arguments.yes and not _agreed(len(ids), name):
        return _fail("nothing was deleted", NOT_ALL_DONE)
    return asyncio.run(_delete(opened, frozenset(ids), arguments))


async def _chosen_ids(opened: Opened, arguments: argparse.Namespace) -> list[str]:
    async with opened() as queue:
        return [letter.id for letter in queue.letters if _chosen(arguments)(letter)]


async def _delete(opened: Opened, ids: Collection[str], arguments: argparse.Namespace) -> int:
    async with opened() as queue:
        print(f"{await queue.discard(lambda letter: letter.id in ids)} deleted")
        return _unknown(arguments.ids, queue) or _remaining(arguments, queue)


def _agreed(count: int, name: str) -> bool:
    if not sys.stdin.isatty():
        print("standard input is no terminal: use --yes to delete without a confirmation", file=sys.stderr)
        return False
    return input(f"Delete {count} dead letters of {name} for good? [y/N] ").strip().lower() in ("y", "yes")


def _chosen(arguments: argparse.Namespace) -> Callable[[DeadLetter], bool]:
    return lambda letter: arguments.all or letter.id in arguments.ids


def _unknown(ids: list[str], queue: DeadLetterQueue) -> int:
    """Reports the ids that were not found."""
    missing = sorted(set(ids) - {letter.id for letter in queue.letters})
    for letter_id in missing:
        print(f"dead letter {letter_id} is not among the oldest {len(queue.letters)}", file=sys.stderr)
    return NOT_ALL_DONE if missing else DONE


def _remaining(arguments: argparse.Namespace, queue: DeadLetterQueue) -> int:
    remaining = queue.total - len(queue.letters)
    if not arguments.all or not remaining:
        return DONE
    return _fail(f"{remaining} more are waiting: run the command again", NOT_ALL_DONE)


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "first_seen": letter.first_failed_at,
        "attempts": letter.attempts,
        "organisation_id": letter.organisation_id,
        "event": letter.event_type,
        "reason": letter.reason,
    }


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2))
