"""JSON Web Keys: which are usable, and that nothing private is published."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.auth.issuer_keys import IssuerKeys
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


async def test_a_new_key_in_the_file_is_found_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may sign with it already; the pause between two looks at the file does not count."""
    monkeypatch.setattr("shared.auth.watched_file.CHECK_INTERVAL_SECONDS", 1000)
    file, one, two = tmp_path / "keys.json", new_key(), new_key()
    file.write_text(json.dumps({"keys": [one]}))
    keys = IssuerKeys(file)
    assert await keys.find(two["kid"]) is None
    file.write_text(json.dumps({"keys": [two, one]}))
    found = await keys.find(two["kid"])
    assert found is not None
    assert found.id == two["kid"]
    assert set(keys.keys) == {one["kid"], two["kid"]}
