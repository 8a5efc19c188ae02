import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PayloadTooLarge
from shared.imports import unpacking
from shared.imports.lines import ImportRefused
from shared.imports.unpacking import Unpacked
from tests.support.imported_files import pieces

MOST = 1024 * 1024
PACKED = gzip.compress(b"id", mtime=0)
EARLY = "The compressed file ends too early."
BEHIND = "The compressed file has something else behind its end."


def unpack(body: bytes, size: int = 1000, most: int = MOST) -> bytes:
    unpacked = Unpacked(most)
    parts = [part for piece in pieces(body, size) for part in unpacked.feed(piece)]
    unpacked.close()
    return b"".join(parts)


@given(st.lists(st.binary(), min_size=1, max_size=4), st.integers(1, 100), st.integers(0, 3))
def test_members_are_unpacked_one_behind_the_other(bodies: list[bytes], size: int, padding: int) -> None:
    assert unpack(b"".join(map(gzip.compress, bodies)) + bytes(padding), size) == b"".join(bodies)


@pytest.mark.parametrize("size", [1, 100, 10_000_000])
def test_as_much_as_is_allowed_is_unpacked_and_no_byte_more(size: int) -> None:
    assert unpack(gzip.compress(bytes(MOST)), size) == bytes(MOST)
    with pytest.raises(PayloadTooLarge, match="unpacks to more than 1,048,576 bytes"):
        unpack(gzip.compress(bytes(MOST + 1)), size)
    with pytest.raises(PayloadTooLarge):
        unpack(gzip.compress(bytes(MOST)) + gzip.compress(b"x"), size)


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(256)) + packer.flush()


def peak(body: bytes, most: int) -> int:
    tracemalloc.start()
    try:
        for part in Unpacked(most).feed(body):
            assert part
    except PayloadTooLarge:
        pass
    finally:
        _, most_used = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most_used


def test_a_bomb_is_refused_while_it_unpacks() -> None:
    assert peak(bomb(), MOST) < 10 * unpacking.PIECE


def test_control_a_bomb_that_is_unpacked_at_once_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "PIECE", 300 * MOST)
    assert peak(bomb(), MOST) > 100 * MOST


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", EARLY),
        (PACKED[:-1], EARLY),
        (PACKED[:12], EARLY),
        (PACKED + PACKED[:5], EARLY),
        (PACKED + b"x", BEHIND),
        (PACKED + b"\0\0x", BEHIND),
        (PACKED + b"\0" + PACKED, BEHIND),
        (b"id,full_name\n1,Eva\n", "The file is not what Content-Encoding says: its gzip data is damaged."),
        (PACKED[:-8] + bytes(8), "The file is not what Content-Encoding says: its gzip data is damaged."),
        (zlib.compress(b"id"), "The file is not what Content-Encoding says: its gzip data is damaged."),
    ],
)
def test_what_is_no_whole_gzip_is_refused(body: bytes, message: str, size: int) -> None:
    with pytest.raises(ImportRefused) as refused:
        unpack(body, size)
    assert refused.value.message == message


def test_a_file_cannot_be_of_any_number_of_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 3)
    assert unpack(gzip.compress(b"") * 3) == b""
    with pytest.raises(ImportRefused, match="more than 3 members"):
        unpack(gzip.compress(b"") * 4)
