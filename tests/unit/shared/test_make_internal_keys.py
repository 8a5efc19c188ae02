"""The keys of an installation are made once, and published again when one is added."""

import json
from pathlib import Path

import pytest

from shared.auth.jwk import KeyInvalid, new_private_keys
from shared.auth.make_internal_keys import make_internal_keys, private_keys_file, trusted_keys_file
from shared.auth.trust import GATEWAY, SIGNERS, parse_internal_keys, parse_trusted_keys


def files(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*.json")}


def test_each_process_gets_keys_of_its_own_and_all_are_trusted(tmp_path: Path) -> None:
    make_internal_keys(tmp_path)
    own = {issuer: parse_internal_keys(private_keys_file(tmp_path, issuer).read_text()).key_id for issuer in SIGNERS}
    trusted = parse_trusted_keys(trusted_keys_file(tmp_path).read_text())
    assert {each.issuer: key_id for key_id, each in trusted.items()} == own
    assert len(set(own.values())) == len(SIGNERS)
    assert {file.stat().st_mode & 0o777 for file in (private_keys_file(tmp_path, each) for each in SIGNERS)} == {0o600}
    assert '"d"' not in trusted_keys_file(tmp_path).read_text()


def test_what_is_there_stays(tmp_path: Path) -> None:
    make_internal_keys(tmp_path)
    before = files(tmp_path)
    make_internal_keys(tmp_path)
    assert files(tmp_path) == before


def test_a_lost_set_is_made_anew_and_an_added_key_is_published(tmp_path: Path) -> None:
    make_internal_keys(tmp_path)
    before = parse_trusted_keys(trusted_keys_file(tmp_path).read_text())
    private_keys_file(tmp_path, "catalog").unlink()
    gateways = private_keys_file(tmp_path, GATEWAY)
    keys = [*json.loads(gateways.read_text())["keys"], *json.loads(new_private_keys())["keys"]]
    gateways.write_text(json.dumps({"keys": keys}))
    make_internal_keys(tmp_path)
    after = parse_trusted_keys(trusted_keys_file(tmp_path).read_text())
    assert [after[key["kid"]].issuer for key in keys] == [GATEWAY, GATEWAY]
    assert {each.issuer for key_id, each in before.items() if key_id not in after} == {"catalog"}


def test_a_set_that_cannot_be_used_ends_it_and_the_trusted_ones_stay(tmp_path: Path) -> None:
    make_internal_keys(tmp_path)
    before = files(tmp_path)["trusted/keys.json"]
    private_keys_file(tmp_path, "history").write_text("{}")
    with pytest.raises(KeyInvalid):
        make_internal_keys(tmp_path)
    assert files(tmp_path)["trusted/keys.json"] == before
