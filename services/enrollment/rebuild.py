"""`rebuild`: corrects enrollment's replica of the catalog row by row, while seats are assigned, the certifications, and
the totals.

A session's row holds the seats as well, so it is never replaced: the catalog's state of it goes through the handler
of its events, which knows what happens to seats, to the waitlist and to enrollments.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from services.enrollment.projection import PROJECTION
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import catalog_replica
from services.enrollment.store.certification_check import wrong_keys
from services.enrollment.store.certifications import CertificationKey
from services.enrollment.store.standings import look_anew
from services.enrollment.store.totals import TOTALS
from services.enrollment.use_cases import sessions
from services.enrollment.use_cases.certifications import follow_completions
from services.enrollment.use_cases.change_set import CHUNK
from shared.events.types import Event
from shared.messaging.subscriptions import Handler
from shared.postgres.list_totals import correct_totals
from shared.postgres.pool import Connection, Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.projections.comparison import Comparison, ReplicaTable
from shared.projections.keys import Key
from shared.projections.rebuild import lock_rebuild
from shared.projections.snapshot import SnapshotClient
from shared.projections.verify import Verification
from shared.service.projection_commands import DONE, SETTLE, carried_out, report

HANDLERS: Mapping[str, Handler] = {"courses": catalog_replica.save_courses, "sessions": sessions.follow}


def rebuild(settings: EnrollmentSettings) -> int:
    """Carries out the command; its exit status."""

    async def work(compared: Comparison, owners: Mapping[str, SnapshotClient]) -> int:
        await lock_rebuild(compared)
        verification = Verification(compared, owners, settle=SETTLE)
        async with connection_pool(
            settings.migration_database_url.get_secret_value(), name="enrollment rebuild", size=1
        ) as pool:
            for replica in PROJECTION.replicas:
                await _mend_table(pool, owners[replica.owner], replica, verification)
            print(f"certifications: {await _mend_certifications(pool, await wrong_keys(compared.connection))} changed")
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                print(f"clearances: everybody of {await look_anew(connection)} organisations is looked at anew")
        print(f"totals of lists: {await correct_totals(compared.connection, TOTALS)} changed")
        return DONE

    return carried_out("enrollment", settings, PROJECTION, work)


async def _mend_certifications(pool: Pool, keys: Sequence[CertificationKey]) -> int:
    """How many did not follow from the completions there are: a process of an earlier release knows of enrollments
    alone."""
    for start in range(0, len(keys), CHUNK):
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await follow_completions(connection, keys[start : start + CHUNK])
    return len(keys)


async def _mend_table(pool: Pool, owner: SnapshotClient, replica: ReplicaTable, verification: Verification) -> None:
    outcomes: Counter[str] = Counter()
    complete = False
    while not complete:
        verified = await verification.verify_table(replica)
        report(f"{replica.table}: {len(verified.differences)} of {verified.rows} rows differ")
        mended = Counter([await mend(pool, owner, replica, each.key) for each in verified.differences])
        outcomes += mended
        # With very many differences they are corrected in parts; a part of which nothing can be corrected is the last.
        complete = verified.complete or set(mended) == {"left"}
    done = ", ".join(f"{outcomes[what]} {what}" for what in ("added", "changed", "removed", "left"))
    print(f"{replica.table}: {done}")


async def mend(pool: Pool, owner: SnapshotClient, replica: ReplicaTable, key: Key) -> str:
    """What became of the copy: `added`, `changed`, `removed`, or `left` as it is.

    The catalog is asked after the copy was read: it then knows at least that version, or the copy is wrong. A copy
    that changes in between is left, and so is a session that was closed because the catalog wants to delete it.
    """
    async with transaction(pool, [key[0]]) as connection:
        known = await catalog_replica.replica_version(connection, replica.table, key)
    received = await owner.current(replica.kind, [key])
    async with transaction(pool, [key[0]]) as connection:
        outcome = await _write(connection, replica, key, known, received)
    if outcome == "changed":
        # While its version was wrong, the replica may have ignored events that arrived after the catalog was asked.
        news = await owner.current(replica.kind, [key])
        async with transaction(pool, [key[0]]) as connection:
            await HANDLERS[replica.table](connection, news)
    return outcome


async def _write(
    connection: Connection,
    replica: ReplicaTable,
    key: Key,
    known: tuple[int, bool] | None,
    received: Sequence[Event[Any]],
) -> str:
    if not received:
        gone = known is None or await catalog_replica.delete_unknown(connection, replica.table, key, known[0])
        return "removed" if gone else "left"
    if known is not None:
        version, removed = known
        closed = removed and not received[0].data.removed
        if closed or not await catalog_replica.forget_version(connection, replica.table, key, version):
            return "left"
    await HANDLERS[replica.table](connection, received)
    return "added" if known is None else "changed"
