"""`erased-people list|apply`: an operator's commands that let a restored backup be erased again (decision 30)."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shared.errors import Unavailable
from shared.postgres import erased_people
from shared.postgres.erased_people import FIRST, Erased
from shared.postgres.pool import Connection, Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import Command
from shared.settings import ServiceSettings
from shared.validation.fields import MAX_ID

DONE, NOT_POSSIBLE = 0, 2
"""Exit statuses; 2 is also that of a wrong command line."""
BATCH: Final = 500
"""Entries of the list in one transaction."""
_LONGEST_LINE: Final = 1000

Listed = Callable[[Connection, Sequence[Erased]], Awaitable[None]]
"""Adds entries to the list of a service, and what belongs to that, in a transaction."""
Again = Callable[[Pool], Awaitable[int]]
"""Erases again whoever is in the list; how many people, or organisations, that were."""


class FileWrong(Exception):
    """The file is no list of people who were erased."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    organisation_id: int = Field(ge=1, le=MAX_ID)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    erased_at: AwareDatetime

    def entry(self) -> Erased:
        return Erased(self.organisation_id, bytes.fromhex(self.hash), self.erased_at)


def erased_people_command(name: str, listed: Listed, again: Again, what: str) -> Command[Any]:
    """`name` is the service's, and `what` says what is counted by `again`."""
    return Command(
        "erased-people",
        "list people who were erased, as hashes; erase them again in a restored backup",
        _add_arguments,
        partial(_run, name, listed, again, what),
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Exit status: 0 done, 2 could not be done."
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="print the list, a line of JSON for each; changes nothing")
    applying = actions.add_parser("apply", help="add the lines of a list, and erase again whoever is in the list")
    applying.add_argument("file", metavar="FILE", help="what `list` has printed; - for standard input")


def _run(
    name: str, listed: Listed, again: Again, what: str, settings: ServiceSettings, arguments: argparse.Namespace
) -> int:
    try:
        if arguments.action == "list":
            return asyncio.run(_list(name, settings))
        with ExitStack() as exits:
            file = (
                sys.stdin if arguments.file == "-" else exits.enter_context(Path(arguments.file).open(encoding="utf-8"))
            )
            lines = iter(partial(file.readline, _LONGEST_LINE), "")
            return asyncio.run(_apply(name, listed, again, what, settings, _entries(lines)))
    except FileWrong as error:
        return _failed(str(error))
    except (Unavailable, asyncpg.PostgresError) as error:
        return _failed(f"the database cannot be used: {error}; run the command again")
    except (OSError, UnicodeDecodeError) as error:
        return _failed(str(error))


def _failed(reason: str) -> int:
    print(f"erased-people: {reason}", file=sys.stderr)
    return NOT_POSSIBLE


async def _list(name: str, settings: ServiceSettings) -> int:
    after = FIRST
    async with _pool(name, settings) as pool:
        while True:
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                page = await erased_people.page(connection, after, BATCH)
            for each in page:
                print(_line(each))
            if len(page) < BATCH:
                return DONE
            after = page[-1].key


def _line(erased: Erased) -> str:
    moment: datetime = erased.erased_at
    return json.dumps(
        {"organisation_id": erased.organisation_id, "hash": erased.hash.hex(), "erased_at": moment.isoformat()}
    )


def _entries(lines: Iterable[str]) -> Iterator[Erased]:
    """Raises `FileWrong`."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _Line.model_validate_json(line).entry()
            except ValidationError as error:
                reason = error.errors(include_url=False, include_input=False)[0]["msg"]
                raise FileWrong(f"line {number}: {reason}") from None


async def _apply(
    name: str, listed: Listed, again: Again, what: str, settings: ServiceSettings, entries: Iterator[Erased]
) -> int:
    count = 0
    async with _pool(name, settings) as pool:
        while batch := list(islice(entries, BATCH)):
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                await listed(connection, batch)
            count += len(batch)
        print(f"{count} lines read; {await again(pool)} {what}")
    return DONE


def _pool(name: str, settings: ServiceSettings) -> AbstractAsyncContextManager[Pool]:
    url = settings.migration_database_url.get_secret_value()
    return connection_pool(url, name=f"{name} erased people", size=1)
