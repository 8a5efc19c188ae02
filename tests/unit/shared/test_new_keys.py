"""Keys that are made here: each algorithm's can be used at once, under a name that fits a command line."""

import json
from typing import get_args

import pytest

from shared.auth.jwk import Algorithm, _generated, _thumbprint, new_private_key, parse_private_keys, public_key


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
def test_a_new_key_signs_by_its_algorithm(algorithm: Algorithm) -> None:
    jwk = new_private_key(algorithm)
    keys = parse_private_keys(json.dumps({"keys": [jwk]}))
    assert (keys.algorithm, keys.key_id) == (algorithm, jwk["kid"])
    assert keys.sign({"sub": "1"}).count(".") == 2
    assert "d" not in public_key(jwk).jwk


def test_its_name_is_the_thumbprint_of_the_key() -> None:
    """The example of RFC 8037, appendix A.3."""
    ed25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "secret"}
    assert _thumbprint(ed25519) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_no_name_is_taken_for_an_option() -> None:
    names = {new_private_key("EdDSA")["kid"] for _ in range(600)}
    assert not any(name.startswith("-") for name in names)


def test_control_thumbprints_may_begin_with_a_hyphen() -> None:
    assert any(_thumbprint(_generated("EdDSA")).startswith("-") for _ in range(2000))
