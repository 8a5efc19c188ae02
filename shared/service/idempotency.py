"""`Idempotency-Key`: an answer is kept with its effect, in one transaction (contract, section 1).

A refusal has no effect and is not kept: the same key may be tried again, and is answered as things are then.
A transaction-scoped advisory lock tells a request that still runs from one that is over. The row is looked up in
a statement of its own after the lock is held: one statement would see the table as it was before it waited.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from itertools import starmap
from typing import Any, Final

from asyncpg import Record

from shared.errors import ApiError, IdempotencyInFlight, IdempotencyKeyReused
from shared.http.idempotency_key import IdempotencyKey
from shared.http.responses import Answer
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.statement_columns import ArrayColumns

OF_IDEMPOTENCY: Final = (IdempotencyKeyReused, IdempotencyInFlight)
"""What every route refuses that takes an `Idempotency-Key`."""

REPLAYED = {"Idempotency-Replayed": "true"}

_KEYS = ArrayColumns(organisation_id="bigint", subject="text", route="text", key="text")
_LOCK = f"""
SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(E'\\n', organisation_id, subject, route, key), 0))
FROM {_KEYS.unnest("wanted", ordinality="position")}
ORDER BY position
"""  # noqa: S608 - of constants alone

_FIND = f"""
SELECT body_sha256, answer_status, answer_headers, answer_body
FROM {_KEYS.unnest("wanted", ordinality="position")}
LEFT JOIN (SELECT * FROM idempotency_keys WHERE created_at > now() - interval '24 hours') kept
    USING (organisation_id, subject, route, key)
ORDER BY position
"""  # noqa: S608 - of constants alone

_ANSWERS = ArrayColumns(
    organisation_id="bigint",
    subject="text",
    route="text",
    key="text",
    body_sha256="bytea",
    answer_status="smallint",
    answer_headers="jsonb",
    answer_body="text",
)
_KEEP = f"""
INSERT INTO idempotency_keys ({_ANSWERS.names}) SELECT {_ANSWERS.values} FROM {_ANSWERS.unnest("new")}
ON CONFLICT (organisation_id, subject, route, key) DO UPDATE SET body_sha256 = excluded.body_sha256,
    answer_status = excluded.answer_status, answer_headers = excluded.answer_headers,
    answer_body = excluded.answer_body, created_at = now()
WHERE idempotency_keys.created_at <= now() - interval '24 hours'
"""  # noqa: S608 - of constants alone

_PRUNE = """
DELETE FROM idempotency_keys
WHERE ctid IN (SELECT ctid FROM idempotency_keys WHERE created_at <= now() - interval '24 hours' LIMIT 5000)
"""


async def find_answers(connection: Connection, keys: Sequence[IdempotencyKey]) -> list[Answer | ApiError | None]:
    """For each key its stored answer, why there can be none, or `None`: then its effect is to be made.

    Keys without an answer are held until the transaction ends. A key given twice in one call is in
    flight the second time.
    """
    columns = _KEYS.arrays(map(_key_columns, keys))
    held = [row[0] for row in await connection.fetch(_LOCK, *columns)]
    kept = await connection.fetch(_FIND, *columns)
    seen: set[tuple[Any, ...]] = set()
    found: list[Answer | ApiError | None] = []
    for key, is_held, row in zip(keys, held, kept, strict=True):
        identity = (key.organisation_id, key.subject, key.route, key.value)
        found.append(_found(key, row) if is_held and identity not in seen else IdempotencyInFlight())
        seen.add(identity)
    return found


def _found(key: IdempotencyKey, row: Record) -> Answer | ApiError | None:
    if row["body_sha256"] is None:
        return None
    if row["body_sha256"] != key.body_sha256:
        return IdempotencyKeyReused()
    return Answer(row["answer_body"], row["answer_status"], json.loads(row["answer_headers"]) | REPLAYED)


async def keep_answers(connection: Connection, answers: Sequence[tuple[IdempotencyKey, Answer]]) -> None:
    """Keeps the answers that are to be repeated; to be called in the transaction of their effect."""
    if answers:
        await connection.execute(_KEEP, *_ANSWERS.arrays(starmap(_answer_columns, answers)))


def _key_columns(key: IdempotencyKey) -> dict[str, Any]:
    return {"organisation_id": key.organisation_id, "subject": key.subject, "route": key.route, "key": key.value}


def _answer_columns(key: IdempotencyKey, answer: Answer) -> dict[str, Any]:
    return {
        **_key_columns(key),
        "body_sha256": key.body_sha256,
        "answer_status": answer.status,
        "answer_headers": json.dumps(dict(answer.headers)),
        "answer_body": answer.text,
    }


async def prune(connection: Connection) -> None:
    """Deletes up to 5,000 answers that are older than a day."""
    await connection.execute(_PRUNE)


async def run_once(
    pool: Pool, organisation_id: int, key: IdempotencyKey | None, work: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    """Runs `work` in one transaction, and keeps its answer for the key there; or gives the answer kept before.

    Raises `IdempotencyInFlight`, `IdempotencyKeyReused` and whatever `work` raises, which undoes what it wrote.
    """
    async with transaction(pool, [organisation_id]) as connection:
        if key is None:
            return await work(connection)
        [found] = await find_answers(connection, [key])
        if isinstance(found, ApiError):
            raise found
        if found is not None:
            return found
        answer = await work(connection)
        await keep_answers(connection, [(key, answer)])
        return answer
