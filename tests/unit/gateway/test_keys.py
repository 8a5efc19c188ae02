"""JSON Web Keys: which are usable, and that nothing private is published."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.keys import KeyInvalid, new_issuer_keys, parse_issuer_keys, public_key


def new_key() -> dict[str, Any]:
    key: dict[str, Any] = json.loads(new_issuer_keys())["keys"][0]
    return key


def test_a_published_key_set_holds_nothing_private() -> None:
    keys = parse_issuer_keys(new_issuer_keys())
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
        parse_issuer_keys(text)


def test_the_first_key_needs_its_private_part_and_each_a_kid_of_its_own() -> None:
    one, two = new_key(), new_key()
    public = {name: value for name, value in two.items() if name != "d"}
    assert set(parse_issuer_keys(json.dumps({"keys": [one, public]})).keys) == {one["kid"], two["kid"]}
    for keys in ([public, one], [one, one]):
        with pytest.raises(KeyInvalid):
            parse_issuer_keys(json.dumps({"keys": keys}))
