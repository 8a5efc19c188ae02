import asyncio
from typing import Any

import pamqp.frame
import pytest
from pamqp.commands import Basic, Channel, Connection
from pamqp.heartbeat import Heartbeat

import shared.messaging.amqp_frames
from shared.messaging.amqp_frames import BODY, METHOD, FrameHandler, _Reader, frame

HEARTBEAT = Heartbeat().marshal()
OPENED, PREFETCHED = pamqp.frame.marshal(Channel.OpenOk(), 1), pamqp.frame.marshal(Basic.QosOk(), 2)
TAKEN = [(METHOD, b"wanted"), (BODY, b""), (BODY, b"\xce" * 300)]
FRAMES = [OPENED, *(frame(kind, 2, payload) for kind, payload in TAKEN), PREFETCHED, HEARTBEAT]
NEVER = 3600.0


class Taker:
    """Takes what it wants of a channel's frames."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, bytes]] = []

    def __call__(self, kind: int, payload: bytes) -> bool:
        if (kind, payload) in TAKEN:
            self.taken.append((kind, payload))
            return True
        return False


def reader(take: FrameHandler) -> Any:
    """Whose channel 2 is taken from; it has just passed something on."""
    made: Any = _Reader({2: take}, asyncio.get_running_loop())
    made._fed = made._time()
    return made


async def left(of: Any) -> bytes:
    """All that aiormq gets to read, once the broker has said its last."""
    of.feed_eof()
    read: bytes = await of.read()
    return read


@pytest.mark.parametrize("size", [1, 2, 7, 8, 100, 10_000])
async def test_frames_are_told_apart_in_pieces_of_any_size(size: int) -> None:
    taker, sent = Taker(), b"".join(FRAMES)
    of_this_channel = reader(taker)
    for begin in range(0, len(sent), size):
        of_this_channel.feed_data(sent[begin : begin + size])
    assert taker.taken == TAKEN
    assert await left(of_this_channel) == OPENED + PREFETCHED + HEARTBEAT


async def test_a_frame_that_ends_wrong_is_for_aiormq_to_refuse() -> None:
    taker = Taker()
    of_this_channel = reader(taker)
    broken = frame(METHOD, 2, b"wanted")[:-1] + b"!"
    of_this_channel.feed_data(broken)
    assert taker.taken == []
    assert await left(of_this_channel) == broken


@pytest.mark.parametrize("sent", [b"", b"A", b"AMQP\x00\x00\x09\x01"])
async def test_what_is_no_frame_is_passed_on_at_the_end(sent: bytes) -> None:
    of_this_channel = reader(Taker())
    of_this_channel.feed_data(sent)
    of_this_channel.feed_eof()
    assert await left(of_this_channel) == sent


@pytest.mark.parametrize(("patience", "seen"), [(-1.0, HEARTBEAT), (NEVER, b"")])
async def test_aiormq_sees_a_broker_live_whose_frames_are_all_taken(
    monkeypatch: pytest.MonkeyPatch, patience: float, seen: bytes
) -> None:
    """The second is the control: without the sign of life, it would hear nothing."""
    monkeypatch.setattr(shared.messaging.amqp_frames, "_HEARTBEAT_INTERVAL", patience)
    of_this_channel = reader(Taker())
    of_this_channel.feed_data(frame(METHOD, 2, b"wanted"))
    assert await left(of_this_channel) == seen


async def test_there_is_no_sign_of_life_while_a_frame_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the handshake it would be taken for the broker's answer."""
    monkeypatch.setattr(shared.messaging.amqp_frames, "_HEARTBEAT_INTERVAL", -1.0)
    of_this_channel = reader(Taker())
    blocked = pamqp.frame.marshal(Connection.Blocked("low on memory"), 0)
    for byte in range(len(blocked)):
        of_this_channel.feed_data(blocked[byte : byte + 1])
    assert await left(of_this_channel) == blocked
