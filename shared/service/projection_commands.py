"""`verify` and `rebuild`: the operator's commands that check a service's replicas and rebuild them."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg

from shared.auth.signing import InternalSigner
from shared.errors import Unavailable
from shared.http.service_client import connect_to_service
from shared.postgres.errors import DatabaseUnavailable
from shared.projections.comparison import Comparison, Projection, comparison
from shared.projections.rebuild import Rebuilding, RebuildRunning
from shared.projections.snapshot import SnapshotClient
from shared.projections.verify import Verification
from shared.settings import ServiceSettings

DONE, DIFFERENT, NOT_POSSIBLE = 0, 1, 2
"""Exit statuses; 2 is also that of a wrong command line."""
SETTLE = 5.0
MAX_SHOWN = 100

_VERIFY = """Compares this service's replicas with their owners' current rows, and its counts with what it counted. It
only reads, and may run while everything serves: a row that differs is compared again after a while, and counts if it
still differs."""
_REBUILD = """Rebuilds this service's replicas from their owners' current rows. It answers from the old ones until all
rows are there; then, in one transaction, those that differ are replaced. Consumers wait for that transaction, reads
never do. Killed before it, it has changed nothing. Rows that hold more than a replica are corrected one by one instead.
It may be run again at any time."""
NOTHING_CHANGED = "; nothing was changed"


def add_projection_commands(commands: Any) -> None:
    """Adds `verify` and `rebuild` to a service's command line."""
    verifying = commands.add_parser(
        "verify",
        help="compare the replicas with their owners' rows; changes nothing",
        description=_VERIFY,
        epilog="Exit status: 0 equal, 1 different, 2 could not compare.",
    )
    verifying.add_argument(
        "--settle", type=_seconds, default=SETTLE, metavar="SECONDS",
        help=f"how long events may be under way before a difference counts (default {SETTLE:g})",
    )  # fmt: skip
    verifying.add_argument(
        "--pause", type=_seconds, default=0.0, metavar="SECONDS", help="rest between two pages of rows (default 0)"
    )
    commands.add_parser(
        "rebuild",
        help="rebuild the replicas from their owners' rows",
        description=_REBUILD,
        epilog="Exit status: 0 done, 2 could not be done.",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be from 0 to 3600")
    return seconds


class OwnerUnknown(Exception):
    """The setting with an owner's address is missing."""


@asynccontextmanager
async def connected_owners(
    settings: ServiceSettings, name: str, projection: Projection
) -> AsyncIterator[dict[str, SnapshotClient]]:
    """Those whose rows the service copies, by their names; raises `OwnerUnknown`."""
    signer = InternalSigner(name, settings.internal_keys_file)
    async with AsyncExitStack() as exits:
        owners: dict[str, SnapshotClient] = {}
        for owner in dict.fromkeys(replica.owner for replica in projection.replicas):
            url = getattr(settings, f"{owner}_url", None)
            if not url:
                raise OwnerUnknown(f"{owner.upper()}_URL")
            client = connect_to_service(url, name=owner, asking=name, signer=signer)
            owners[owner] = SnapshotClient(await exits.enter_async_context(client))
        yield owners


def verify_copies(name: str, settings: ServiceSettings, projection: Projection, arguments: argparse.Namespace) -> int:
    """Carries out `verify`; its exit status."""

    async def work(compared: Comparison, owners: Mapping[str, SnapshotClient]) -> int:
        wrong = await _verify_tables(Verification(compared, owners, arguments.settle, arguments.pause))
        for check in projection.checks:
            wrong += _shown([sentence async for sentence in check(compared.connection)])
        return DIFFERENT if wrong else DONE

    return carried_out(name, settings, projection, work)


async def _verify_tables(verification: Verification) -> int:
    wrong = 0
    for verified in await verification.verify():
        wrong += _shown(list(map(str, verified.differences)))
        print(f"{verified.replica.table}: {len(verified.differences)} of {verified.rows} rows differ")
        if not verified.complete:
            print(f"{verified.replica.table}: there were so many that the rest was not compared")
    return wrong


def _shown(sentences: list[str]) -> int:
    for sentence in sentences[:MAX_SHOWN]:
        print(sentence)
    if len(sentences) > MAX_SHOWN:
        print(f"… and {len(sentences) - MAX_SHOWN} more")
    return len(sentences)


def rebuild_copies(name: str, settings: ServiceSettings, projection: Projection) -> int:
    """Carries out `rebuild`; its exit status."""

    async def work(compared: Comparison, owners: Mapping[str, SnapshotClient]) -> int:
        replaced, recounted = await Rebuilding(compared, owners, report).run()
        for table in replaced:
            print(f"{table.table}: {table.added} added, {table.changed} changed, {table.removed} removed")
        if projection.recount:
            print(f"counts: {recounted} changed")
        return DONE

    return carried_out(name, settings, projection, work, keep=True, if_not=NOTHING_CHANGED)


def report(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


Work = Callable[[Comparison, Mapping[str, SnapshotClient]], Coroutine[Any, Any, int]]


def carried_out(
    name: str, settings: ServiceSettings, projection: Projection, work: Work, *, keep: bool = False, if_not: str = ""
) -> int:
    """Runs a command on the service's database and the owners of what it copies; its exit status.

    What keeps it from being done is said in a sentence, which `if_not` ends; the status is `NOT_POSSIBLE` then.
    """
    try:
        return asyncio.run(_run(name, settings, projection, work, keep))
    except OwnerUnknown as error:
        reason = f"the setting {error} is needed to ask the owner of the rows"
    except RebuildRunning:
        reason = f"another rebuild is running{if_not}"
    except DatabaseUnavailable as error:
        reason = _of_database(error, if_not)
    except Unavailable as error:
        reason = f"the owner of the rows cannot be asked ({error.__cause__ or error}){if_not}"
    except asyncpg.InsufficientPrivilegeError as error:
        reason = f"the database refused: {error}; MIGRATION_DATABASE_URL has to be that of the tables' owner{if_not}"
    except asyncpg.PostgresError as error:  # an answer of the server, so nothing was committed
        reason = f"the database refused: {error!r}{if_not}"
    report(reason)
    return NOT_POSSIBLE


async def _run(name: str, settings: ServiceSettings, projection: Projection, work: Work, keep: bool) -> int:
    url = settings.migration_database_url.get_secret_value()
    async with (
        connected_owners(settings, name, projection) as owners,
        comparison(url, projection, name=f"{name} comparison", keep=keep) as compared,
    ):
        return await work(compared, owners)


def _of_database(error: DatabaseUnavailable, if_not: str) -> str:
    if isinstance(error.__cause__, asyncpg.PostgresError):  # an answer of the server, so nothing was committed
        return f"the database refused: {error}{if_not}"
    return f"the database cannot be reached: {error}; run the command again"
