"""JSON Web Keys: which are usable, and that nothing private is published."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.auth.key_sources import FileKeys, KeySetUnreadable, parse_key_set, parse_public_keys
from shared.auth.jwk import KeyInvalid, new_private_keys, parse_private_keys, public_key


def new_key() -> dict[str, Any]:
    key: dict[str, Any] = json.loads(new_private_keys())["keys"][0]
    return key


def test_a_published_key_set_holds_nothing_private() -> None:
    keys = parse_private_keys(new_private_keys())
    (published,) = json.loads(keys.published())["keys"]
    assert set(published) == {"kty", "crv", "x", "kid", "alg", "use"}


@pytest.mark.parametrize(
    "change",
    [
        {"kid": ""},
        {"kid": 5},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"alg": "HS256"},
        {"use": "enc"},
        {"x": "short"},
        {"crv": "X"},
    ],
)
def test_a_key_that_cannot_verify_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(KeyInvalid):
        public_key(new_key() | change)


def test_a_short_rsa_key_is_refused() -> None:
    algorithm = jwt.get_algorithm_by_name("RS256")
    weak = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - the weak key is what is tried
    with pytest.raises(KeyInvalid, match="2048"):
        public_key({**algorithm.to_jwk(weak, as_dict=True), "kid": "weak"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": []}', '{"keys": [5]}', '{"keys": [{"kid": "a"}]}'])
def test_a_file_that_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(KeyInvalid):
        parse_private_keys(text)


def test_the_first_key_needs_its_private_part_and_each_a_kid_of_its_own() -> None:
    one, two = new_key(), new_key()
    public = {name: value for name, value in two.items() if name != "d"}
    assert set(parse_private_keys(json.dumps({"keys": [one, public]})).keys) == {one["kid"], two["kid"]}
    for keys in ([public, one], [one, one]):
        with pytest.raises(KeyInvalid):
            parse_private_keys(json.dumps({"keys": keys}))


def public_half(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "d"}


def key_set(*keys: object) -> str:
    return json.dumps({"keys": keys})


async def test_a_new_key_in_the_file_is_found_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider may sign with it already; the pause between two looks at the file does not count."""
    monkeypatch.setattr("shared.auth.watched_file.CHECK_INTERVAL_SECONDS", 1000)
    file, one, two = tmp_path / "keys.json", public_half(new_key()), public_half(new_key())
    file.write_text(key_set(one))
    keys = FileKeys(file)
    assert await keys.find(two["kid"]) is None
    file.write_text(key_set(two, one))
    found = await keys.find(two["kid"])
    assert found is not None
    assert found.id == two["kid"]
    assert set(keys.keys) == {one["kid"], two["kid"]}


def test_a_providers_set_may_hold_keys_for_other_uses() -> None:
    one = public_half(new_key())
    others = {"kty": "oct", "kid": "s", "k": "x"}, {**public_half(new_key()), "use": "enc"}, 5
    assert list(parse_key_set(key_set(one, *others))) == [one["kid"]]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 5}', '{"keys": [], "keys": []}', key_set(*[{}] * 101)])
def test_what_is_no_key_set_of_reasonable_size_is_refused(text: str) -> None:
    with pytest.raises(KeySetUnreadable):
        parse_key_set(text)


def test_a_secret_has_no_place_in_the_file_of_a_gateway() -> None:
    for secret in (new_key(), {"kty": "oct", "kid": "s", "k": "x"}):
        with pytest.raises(KeySetUnreadable, match="private key"):
            parse_public_keys(key_set(public_half(new_key()), secret))


def test_a_file_without_a_usable_key_is_refused() -> None:
    with pytest.raises(KeySetUnreadable, match="no key"):
        parse_public_keys(key_set())
