"""Requests that are searched for, not thought of: which of a route's keeps its process busy longest.

A request is drawn, then changed a little again and again; the heaviest so far is the one that is changed. What is drawn
may be anything that a client can send within a body of 1 MiB, a target of 8 KB and 64 headers.
"""

import json
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

MAX_BODY: Final = 1024 * 1024
MAX_QUERY: Final = 7_000
KINDS: Final = (
    "members", "one member again", "rows", "objects", "empty objects", "lists", "nested lists", "nested objects",
    "numbers", "decimals", "exponents", "ids", "texts", "text", "labels", "half a text", "brackets",
)  # fmt: skip
PIECES: Final = (
    "a", ",", "[", "9", " ", "\\n", "\\u00e9", "\\u0000", "\\ud83d\\udea7", '\\"', "\\\\", "é", "🚧", "@", "/", ":",
    "%41",
)  # fmt: skip
COUNTS: Final = (1, 2, 10, 32, 50, 200, 500, 2_000, 9_000, 9_990, 20_000, 100_000, 350_000)
LENGTHS: Final = (0, 1, 10, 100, 250, 1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Target:
    """One route; `body` is a good one, and empty where it takes none."""

    name: str
    method: str
    path: str
    body: Mapping[str, Any]
    fields: Sequence[str] = ()
    """Names that a body may have."""
    parameters: Sequence[str] = ()
    """Names that a query may have."""


@dataclass(frozen=True)
class Shape:
    """`place` is the field that gets the value, `*` all of them at once, and empty where the value is the body."""

    place: str
    kind: str
    count: int
    length: int
    piece: str
    parameters: int = 0
    """In the query, each with a value of `piece`s."""
    known: bool = False
    """Whether their names are those of the route."""
    tags: bool = False
    """Whether the headers are full of entity tags."""

    def __str__(self) -> str:
        query = f", {self.parameters} {'known' if self.known else 'unknown'} parameters" if self.parameters else ""
        tags = ", entity tags" if self.tags else ""
        where = f"in {self.place}" if self.place else "as the body"
        return f"{self.kind} × {self.count:,} of {self.piece!r} × {self.length:,} {where}{query}{tags}"


Heaviness = Callable[[Target, bytes], Awaitable[float]]
"""What a request costs, in whatever unit is searched by."""


async def heaviest(target: Target, cost: Heaviness, tries: int, chance: random.Random) -> tuple[float, Shape]:
    """The heaviest of so many requests, and what it costs: the lesser of two times, as machines do other things too."""
    best, shape = 0.0, drawn(target, chance)
    for number in range(tries):
        candidate = drawn(target, chance) if number < tries // 2 else changed(shape, target, chance)
        request = written(target, candidate)
        costs = await cost(target, request)
        if costs > best:
            costs = min(costs, await cost(target, request))
        if costs > best:
            best, shape = costs, candidate
    return best, shape


def drawn(target: Target, chance: random.Random) -> Shape:
    return Shape(
        chance.choice(["", "", "*", "unknown", *target.fields]),
        chance.choice(KINDS),
        chance.choice(COUNTS),
        chance.choice(LENGTHS),
        chance.choice(PIECES),
        chance.choice([0, 0, 0, 1, 10, 1_000, 3_000]),
        chance.random() < 0.5,
        chance.random() < 0.1,
    )


def changed(shape: Shape, target: Target, chance: random.Random) -> Shape:
    """The same but for one of its sides; sizes also become a little larger or smaller."""
    side = chance.choice(["place", "kind", "count", "length", "piece", "parameters", "known", "tags"])
    if side in ("count", "length") and chance.random() < 0.7:
        other: dict[str, Any] = {side: max(1, int(getattr(shape, side) * chance.uniform(0.5, 1.5)))}
    else:
        other = {side: getattr(drawn(target, chance), side)}
    return replace(shape, **other)


def written(target: Target, shape: Shape, authorization: str = "<token>") -> bytes:
    """The request as it is sent, but for the word in the place of its token."""
    body = b"" if target.method == "GET" else _body(target, shape)[:MAX_BODY]
    lines = [
        f"{target.method} {target.path}{_query(target, shape)} HTTP/1.1",
        "Host: muster.example",
        f"Authorization: Bearer {authorization}",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if shape.tags:
        lines += ["If-None-Match: " + ", ".join(f'"{number}-00000000"' for number in range(400))]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _query(target: Target, shape: Shape) -> str:
    names = target.parameters if shape.known and target.parameters else ["a"]
    value = shape.piece if shape.piece in ("a", "9", "%41", ",", "@", "/", ":") else "%C3%A9"
    parts = [
        f"{names[number % len(names)]}{'' if shape.known else number}={value}" for number in range(shape.parameters)
    ]
    return "?" + "&".join(parts)[:MAX_QUERY].rpartition("&")[0] if parts else ""


def _body(target: Target, shape: Shape) -> bytes:
    value = _value(shape)
    if not shape.place:
        return value
    places = target.fields if shape.place == "*" else [shape.place]
    good = {name: json.dumps(value).encode() for name, value in target.body.items()}
    members = good | dict.fromkeys(places, value[: MAX_BODY // (len(places) or 1)])
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), each) for name, each in members.items()) + b"}"


def _value(shape: Shape) -> bytes:
    """At most 1 MiB of it: as many items as fit."""
    opening, closing = (b"{", b"}") if shape.kind in ("members", "one member again") else (b"[", b"]")
    if shape.kind in ("text", "half a text"):
        text = b'"' + _text(shape, shape.count * shape.length)
        return text if shape.kind == "half a text" else text + b'"'
    if shape.kind == "brackets":
        return b"[" * shape.count
    if shape.kind.startswith("nested"):
        depth = min(shape.count, 100_000)
        before, after = (b"[", b"]") if shape.kind == "nested lists" else (b'{"a":', b"}")
        return before * depth + b"1" + after * depth
    items, size = [], 0
    for item in _items(shape):
        size += len(item) + 1
        if size > MAX_BODY - 1_000:
            break
        items.append(item)
    return opening + b",".join(items) + closing


def _items(shape: Shape) -> Iterator[bytes]:
    text = _text(shape, shape.length)
    digits = b"9" * max(1, shape.length)
    same = {
        "one member again": b'"%b":1' % text,
        "objects": b'{"id":1,"name":"%b","a":1,"b":{}}' % text,
        "empty objects": b"{}",
        "lists": b"[[],[1]]",
        "numbers": digits,
        "decimals": b"0." + digits,
        "exponents": b"1e-" + digits[:18],
        "texts": b'"%b"' % text,
    }
    for number in range(shape.count):
        if shape.kind == "members":
            yield b'"%d%b":1' % (number, text)
        elif shape.kind == "labels":
            yield b'{"id":%d,"name":"%b"}' % (number + 1, text)
        elif shape.kind == "rows":
            yield b'{"id":%d,"version":1}' % (number + 1)
        elif shape.kind == "ids":
            yield b"%d" % (number + 1)
        else:
            yield same[shape.kind]


def _text(shape: Shape, length: int) -> bytes:
    piece = shape.piece.encode()
    return piece * min(length, MAX_BODY // len(piece))
