"""When signing keys may take over and go: rules, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from services.accounts.signing_keys import (
    LONGEST_TOKEN,
    PUBLISHING,
    KeyUnknown,
    SigningKey,
    TooSoon,
    found,
    require_promotable,
    require_retirable,
    standing,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def key(
    name: str,
    *,
    created: timedelta = timedelta(days=9),
    promoted: timedelta | None = None,
    retired: timedelta | None = None,
    tokens: timedelta | None = None,
) -> SigningKey:
    """Times are how long ago; `tokens` is for how long tokens of commands are valid."""
    return SigningKey(
        name,
        "EdDSA",
        NOW - created,
        None if promoted is None else NOW - promoted,
        None if retired is None else NOW - retired,
        None if tokens is None else NOW + tokens,
    )


OLD = key("old", promoted=timedelta(days=8))
SIGNS = key("signs", promoted=timedelta(hours=2))
NEW = key("new", created=timedelta(seconds=10))
GONE = key("gone", promoted=timedelta(days=9), retired=timedelta(days=1))
KEYS = [GONE, NEW, OLD, SIGNS]


def test_the_one_promoted_last_signs_and_the_others_are_listed_after_it() -> None:
    assert [(each.key.key_id, each.state, NOW - each.since) for each in standing(KEYS)] == [
        ("signs", "signs", timedelta(hours=2)),
        ("new", "published", timedelta(seconds=10)),
        ("old", "replaced", timedelta(hours=2)),
        ("gone", "retired", timedelta(days=1)),
    ]


def test_the_newest_of_a_state_is_listed_first() -> None:
    older = key("older", created=timedelta(seconds=11))
    assert [each.key.key_id for each in standing([older, NEW])] == ["new", "older"]


def test_a_key_is_replaced_since_the_next_one_was_promoted() -> None:
    third = key("third", promoted=timedelta(hours=1))
    assert found([*KEYS, third], "old").since == NOW - timedelta(hours=2)
    assert found([*KEYS, third], "signs").since == NOW - timedelta(hours=1)


@pytest.mark.parametrize("name", ["gone", "unheard-of"])
def test_a_key_that_is_not_published_cannot_be_chosen(name: str) -> None:
    with pytest.raises(KeyUnknown, match=f"no published key {name}"):
        found(KEYS, name)


def test_a_key_is_promoted_once_every_gateway_has_read_it() -> None:
    with pytest.raises(TooSoon, match=r"key new was published 10 s ago.* promote it in 320 s, or at once with --now"):
        require_promotable(found(KEYS, "new"), NOW)
    with pytest.raises(TooSoon, match="promote it in 1 s"):
        require_promotable(found([key("new", created=PUBLISHING - MOMENT)], "new"), NOW)
    require_promotable(found([key("new", created=PUBLISHING)], "new"), NOW)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_key_that_signs_is_never_retired(at_once: bool) -> None:
    with pytest.raises(TooSoon, match="key signs signs: promote another one first"):
        require_retirable(found(KEYS, "signs"), NOW, at_once=at_once)


def test_a_key_is_retired_once_its_tokens_have_expired() -> None:
    with pytest.raises(TooSoon, match=f"for another {22 * 3600} s: retire it then, or at once with --now"):
        require_retirable(found(KEYS, "old"), NOW, at_once=False)
    require_retirable(found(KEYS, "old"), NOW, at_once=True)
    replaced = [key("old", promoted=timedelta(days=8)), key("signs", promoted=LONGEST_TOKEN)]
    require_retirable(found(replaced, "old"), NOW, at_once=False)
    replaced = [key("old", promoted=timedelta(days=8)), key("signs", promoted=LONGEST_TOKEN - MOMENT)]
    with pytest.raises(TooSoon, match="for another 1 s"):
        require_retirable(found(replaced, "old"), NOW, at_once=False)


def test_a_key_that_never_signed_is_retired_at_once() -> None:
    require_retirable(found(KEYS, "new"), NOW, at_once=False)


@pytest.mark.parametrize("promoted", [None, timedelta(days=8)])
def test_tokens_that_commands_made_or_that_came_along_count_too(promoted: timedelta | None) -> None:
    keys = [SIGNS, key("old", promoted=promoted, tokens=timedelta(days=20))]
    with pytest.raises(TooSoon, match=f"for another {20 * 86400} s"):
        require_retirable(found(keys, "old"), NOW, at_once=False)
    expired = [key("signs", promoted=timedelta(days=2)), key("old", promoted=promoted, tokens=timedelta(0))]
    require_retirable(found(expired, "old"), NOW, at_once=False)
