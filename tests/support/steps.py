"""A walk straight at the store: step by step, as its statements say where the next one begins."""

import json
from collections.abc import Callable

from shared.http.cursor import Place, encode
from shared.postgres.batched_reads import BatchedReader, PageRead


def cursor_after(row: int) -> str:
    return encode(Place(b"of a walk", row)) if row else ""


async def ids_of_steps(reader: BatchedReader, read: Callable[[str], PageRead]) -> list[int]:
    """Of all rows of a walk, whose step at a cursor is what `read` makes."""
    ids: list[int] = []
    after: int | None = 0
    while after is not None:
        total, items, after = await reader.read(read(cursor_after(after)))
        assert total is None
        ids += [item["id"] for item in json.loads(items)]
        assert after is None or after == ids[-1]
    return ids
