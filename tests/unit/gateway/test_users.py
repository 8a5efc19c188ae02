"""The users file and the operator's commands that write it."""

import io
import json
import stat
import sys
from pathlib import Path

import jwt
import pytest
from argon2 import PasswordHasher

from gateway.__main__ import main
from gateway.auth.users import UsersInvalid, parse_users, put_user

PASSWORD = "correct horse battery"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = PASSWORD + "\n") -> None:
    monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    main()


def add(monkeypatch: pytest.MonkeyPatch, file: Path, typed: str = PASSWORD + "\n", **changes: str) -> None:
    values = {"id": "7", "organisation": "1", "name": "Ada", "email": "Ada@example.com", "role": "Trainer"} | changes
    options = [part for name, value in values.items() for part in (f"--{name}", value)]
    run(monkeypatch, "users", str(file), "add", *options, typed=typed)


def test_a_user_is_added_with_a_hash_and_for_the_owner_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    add(monkeypatch, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    user = parse_users(file.read_text()).with_email("ada@EXAMPLE.com")
    assert user is not None
    assert PasswordHasher().verify(user.password_hash, PASSWORD)
    assert user.described() == {
        "id": 7,
        "name": "Ada",
        "email": "Ada@example.com",
        "role": "Trainer",
        "created_at": user.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    assert [path.name for path in tmp_path.iterdir()] == ["users.json"]


def test_the_companies_of_a_coordinator_are_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    options = ["--id", "8", "--organisation", "1", "--name", "Cora", "--email", "cora@example.com"]
    options += ["--role", "Contractor Coordinator", "--company", "7", "--company", "9"]
    run(monkeypatch, "users", str(file), "add", *options)
    assert parse_users(file.read_text()).by_id[8].company_ids == (7, 9)
    add(monkeypatch, file)
    assert [user.get("company_ids") for user in json.loads(file.read_text())] == [[7, 9], None]


def test_a_file_of_the_version_before_is_read_and_can_be_read_by_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It refuses members that it does not know."""
    file = tmp_path / "users.json"
    members = {"id": 3, "organisation_id": 1, "name": "Emil", "email": "emil@example.com", "role": "Employee"}
    hashed = PasswordHasher().hash(PASSWORD)
    before = members | {"employee_id": 42, "password_hash": hashed, "created_at": "2026-01-02T03:04:05Z"}
    file.write_text(json.dumps([before]))
    assert parse_users(file.read_text()).by_id[3].company_ids == ()
    add(monkeypatch, file)
    kept, added = json.loads(file.read_text())
    assert kept == before
    assert set(added) <= set(before)


def test_a_replaced_user_keeps_the_day_they_came(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    add(monkeypatch, file)
    before = parse_users(file.read_text()).by_id[7]
    add(monkeypatch, file, role="Admin")
    after = parse_users(file.read_text()).by_id[7]
    assert (after.role, after.created_at) == ("Admin", before.created_at)
    assert after.password_hash != before.password_hash


@pytest.mark.parametrize(
    ("typed", "changes"),
    [
        ("short\n", {}),
        ("", {}),
        ("x" * 1025 + "\n", {}),
        (PASSWORD, {"email": "nobody"}),
        (PASSWORD, {"name": " "}),
        (PASSWORD, {"id": "8"}),  # another user with the same address
        (PASSWORD, {"id": "0"}),
        (PASSWORD, {"role": "Root"}),
    ],
)
def test_a_wrong_user_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str, changes: dict[str, str]
) -> None:
    file = tmp_path / "users.json"
    add(monkeypatch, file)
    before = file.read_bytes()
    with pytest.raises(SystemExit) as caught:
        add(monkeypatch, file, typed, **changes)
    assert caught.value.code in (1, 2)
    assert file.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{}", '[{"id": 1}]', "[1]"])
def test_a_file_that_holds_no_users_is_refused_and_kept(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsersInvalid):
        parse_users(text)


def test_a_damaged_file_is_not_overwritten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    add(monkeypatch, file)
    user = parse_users(file.read_text()).by_id[7]
    file.write_text("damaged")
    with pytest.raises(UsersInvalid):
        put_user(file, user)
    assert file.read_text() == "damaged"


def test_keys_are_created_once_and_for_the_owner_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    run(monkeypatch, "keys", str(file))
    before = file.read_bytes()
    run(monkeypatch, "keys", str(file))
    assert file.read_bytes() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_is_printed_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    run(monkeypatch, "keys", str(file))
    monkeypatch.setenv("ISSUER_KEYS_FILE", str(file))
    run(monkeypatch, "token", "--org", "3", "--subject", "s", "--permissions", "api.access,training.view", "--ttl=-60")
    token = capsys.readouterr().out.splitlines()[-1]
    claims = jwt.decode(token, options={"verify_signature": False})
    key = json.loads(file.read_text())["keys"][0]
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    assert (claims["org"], claims["sub"], claims["user_type"]) == (3, "s", "staff")
    assert claims["permissions"] == ["api.access", "training.view"]
    assert claims["exp"] == claims["iat"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--role", "Root"],
        ["--role", "Admin", "--permissions", "api.access"],
        ["--permissions", "api.acces"],
        ["--org", "0"],
        ["--ttl", "soon"],
    ],
)
def test_a_wrong_token_command_prints_no_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, "token", *arguments)
    assert caught.value.code == 2
    assert not capsys.readouterr().out


def test_a_name_that_is_refused_today_is_read_from_a_file_of_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "users.json"
    add(monkeypatch, file)
    old = json.loads(file.read_text())
    old[0]["name"] = "Ada\tLovelace"
    assert parse_users(json.dumps(old)).by_id[7].name == "Ada\tLovelace"
    with pytest.raises(SystemExit):
        add(monkeypatch, file, name="Ada\tLovelace")
