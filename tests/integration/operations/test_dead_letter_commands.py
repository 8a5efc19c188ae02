"""An operator lists, shows, retries and discards dead letters."""

from functools import partial
from typing import Any

import aio_pika
import pytest
from pydantic import SecretStr

from services.history.app import SERVICE
from services.history.handlers import SUBSCRIPTIONS
from services.history.settings import HistorySettings
from shared.messaging.broker import DELIVERY_LIMIT
from shared.messaging.dead_letter_queue import dead_letter_queue
from shared.service.chassis import carry_out, command_line
from stack.config.ports import reserve_port
from tests.support.broker import TIMEOUT, Broker
from tests.support.commands import Outcome, run, run_here
from tests.support.consumers import Recorder, consumer_for, following, subscriptions_to
from tests.support.dead_letters import (
    CREATED,
    FAILED_AT,
    count_in,
    everything,
    has_letters,
    ids_in_dead_letters,
    put,
    set_aside,
)
from tests.support.events import encoded, enrollment
from tests.support.eventually import eventually
from tests.support.projections import Database, table
from tests.support.stack import Stack


async def command(settings: HistorySettings, *arguments: str) -> Outcome:
    """Without a process of its own, which takes a second to start."""
    parsed = command_line(SERVICE).parse_args(["dead-letters", *arguments])
    return await run_here(partial(carry_out, SERVICE, settings, parsed))


async def test_list_and_show_tell_all_there_is_to_know_and_change_nothing(
    settings: HistorySettings, declared: Broker, organisation: int
) -> None:
    [first, second] = await set_aside(declared, organisation, 1, 2)
    listed = await run("history", settings, "dead-letters", "list", "--json")
    assert (listed.status, listed.json["total"]) == (0, 2)
    assert listed.json["dead_letters"][0] == {
        "id": first,
        "first_seen": FAILED_AT,
        "attempts": 1,
        "organisation_id": organisation,
        "event": "training.enrollment.created.v1",
        "reason": "Defect: fixed",
    }
    text = await command(settings, "list", "--limit", "1")
    assert first in text.output
    assert second not in text.output
    assert "2 dead letters" in text.output
    shown = await command(settings, "show", second)
    assert (shown.status, shown.json["headers"]["x-reason"]) == (0, "Defect: fixed")
    assert shown.json["body"]["data"]["id"] == 2
    assert await ids_in_dead_letters(declared) == [first, second]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\x00\x1b[2Jgone", b"[" * 100_000, b"[1]", b'{"type": 7, "organisationid": "x"}', b"NaN"]
)
async def test_a_body_that_is_no_event_can_be_listed_and_shown(declared: Broker, body: bytes) -> None:
    await put(declared, declared.queue.dead_letters, body, None, **{"x-reason": "\x1b[2J", "x-attempts": "many"})
    async with dead_letter_queue(declared.url, declared.queue) as letters:
        [letter] = letters.letters
        assert (letter.event_type, letter.organisation_id, letter.attempts) == (CREATED, None, 1)
        assert "\x1b" not in f"{letter.body}{letter.reason}{letter.headers}"


async def test_a_retry_is_applied_once_the_cause_is_fixed(
    settings: HistorySettings, history: Database, declared: Broker, organisation: int
) -> None:
    [chosen, other] = await set_aside(declared, organisation, 1, 2)
    outcome = await command(settings, "retry", chosen)
    assert (outcome.status, outcome.errors) == (0, "")

    async def applied() -> bool:
        return [row["id"] for row in await table(history, "records", organisation)] == [1]

    async with following(consumer_for(history.pool, declared, SUBSCRIPTIONS)):
        await eventually(applied)
    assert await ids_in_dead_letters(declared) == [other]


async def test_a_retry_that_fails_again_keeps_when_it_was_seen_first_and_counts(
    history: Database, declared: Broker, organisation: int
) -> None:
    class Defect(Recorder):
        async def __call__(self, *_: Any) -> None:
            raise ZeroDivisionError("again")

    await set_aside(declared, organisation, 1)
    for attempts in (2, 3):
        async with dead_letter_queue(declared.url, declared.queue) as letters:
            assert await letters.retry(everything) == 1
        async with following(consumer_for(history.pool, declared, subscriptions_to(Defect()))):
            await eventually(lambda: has_letters(declared, 1))
        async with dead_letter_queue(declared.url, declared.queue) as letters:
            [letter] = letters.letters
            assert (letter.first_failed_at, letter.attempts) == (FAILED_AT, attempts)
            assert (letter.reason, letter.routing_key) == ("ZeroDivisionError: again", CREATED)
            assert letter.headers["x-failed-at"] > FAILED_AT


async def test_a_retry_keeps_the_order_and_goes_to_this_service_alone(
    settings: HistorySettings, declared: Broker, organisation: int
) -> None:
    everyone = await declared.inbox()
    ids = await set_aside(declared, organisation, *range(1, 31))
    outcome = await command(settings, "retry", "--all")
    assert (outcome.status, outcome.output) == (0, "30 put back into the queue of the service\n")
    assert [message.message_id for message in await declared.taken()] == ids
    assert everyone == []


async def test_what_cannot_be_handed_over_stays(settings: HistorySettings, declared: Broker, organisation: int) -> None:
    ids = await set_aside(declared, organisation, 1, 2)
    await declared.delete_queue()
    outcome = await command(settings, "retry", "--all")
    assert outcome.status == 1
    assert "those after it stay" in outcome.errors
    assert await ids_in_dead_letters(declared) == ids


async def test_a_letter_that_rabbitmq_set_aside_says_why_and_can_be_retried(
    declared: Broker, organisation: int
) -> None:
    event_id, body = encoded(enrollment(organisation, 1), "enrollment")
    message = aio_pika.Message(body.encode(), message_id=str(event_id))
    await declared.exchange.publish(message, CREATED, timeout=TIMEOUT)
    queue = await declared.channel.declare_queue(declared.queue.name, passive=True, timeout=TIMEOUT)
    for _ in range(DELIVERY_LIMIT + 1):
        delivered = await eventually(lambda: queue.get(fail=False, timeout=TIMEOUT))
        assert delivered is not None
        await delivered.nack(requeue=True)
    await eventually(lambda: has_letters(declared, 1))
    async with dead_letter_queue(declared.url, declared.queue) as letters:
        [letter] = letters.letters
        assert (letter.id, letter.reason, letter.attempts) == (str(event_id), "RabbitMQ: delivery_limit", 1)
        assert (letter.routing_key, letter.organisation_id) == (CREATED, organisation)
        assert letter.first_failed_at.startswith("20")
        await letters.retry(everything)
    [back] = await declared.taken()
    assert (back.body, back.headers["x-attempts"]) == (body.encode(), 1)
    assert "x-death" not in back.headers


async def test_discard_deletes_what_was_chosen_and_nothing_without_consent(
    settings: HistorySettings, declared: Broker, organisation: int
) -> None:
    [first, second] = await set_aside(declared, organisation, 1, 2)
    refused = await command(settings, "discard", first)
    assert (refused.status, await count_in(declared, declared.queue.dead_letters)) == (1, 2)
    assert "--yes" in refused.errors
    unknown = await command(settings, "discard", "--yes", first, "nobody")
    assert (unknown.status, unknown.output) == (1, "1 deleted\n")
    assert "dead letter nobody is not among" in unknown.errors
    assert await ids_in_dead_letters(declared) == [second]


@pytest.mark.parametrize("arguments", [["retry"], ["discard", "--all", "1"], ["list", "--limit", "0"], []])
def test_a_wrong_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command_line(SERVICE).parse_args(["dead-letters", *arguments])
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


async def test_without_queue_or_broker_the_command_says_what_is_missing(settings: HistorySettings) -> None:
    missing = await command(settings, "list")
    assert (missing.status, missing.errors) == (
        2,
        f"the queue {settings.queue_prefix}.history.dead-letters does not exist: run `migrate`, which declares it\n",
    )
    nowhere = SecretStr(f"amqp://127.0.0.1:{reserve_port()}")
    away = await command(settings.model_copy(update={"migration_amqp_url": nowhere}), "list")
    assert away.status == 2
    assert "RabbitMQ cannot be reached" in away.errors


async def test_with_the_privileges_of_a_process_that_serves_it_says_whose_are_needed(served: Stack) -> None:
    settings = served.settings["history"]
    assert isinstance(settings, HistorySettings)
    refused = await command(settings.model_copy(update={"migration_amqp_url": settings.amqp_url}), "list")
    assert refused.status == 2
    assert "MIGRATION_AMQP_URL must be that of the user who declares the queues" in refused.errors
