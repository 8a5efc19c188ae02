"""The file that keeps a login."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from muster.command.kept import Keeper, Login, file_of
from muster.errors import SettingsMissing

LOGIN = Login("https://m.example", "a@m.example", "t.o.k", 1000.0, "refresh")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "muster" / "login.json"


def test_what_is_kept_comes_back_and_is_its_owners_alone(file: Path) -> None:
    before = os.umask(0)
    try:
        Keeper(file).save(LOGIN)
    finally:
        os.umask(before)
    assert Keeper(file).load() == LOGIN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["login.json"]


def test_nobody_is_signed_in_before_and_after(file: Path) -> None:
    keeper = Keeper(file)
    assert keeper.load() is None
    keeper.save(LOGIN)
    keeper.forget()
    keeper.forget()
    assert keeper.load() is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_one_that_others_may_read_is_not_used(file: Path, mode: int) -> None:
    Keeper(file).save(LOGIN)
    file.chmod(mode)
    with pytest.raises(SettingsMissing, match="Others may read"):
        Keeper(file).load()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}', "\udcff"])
def test_what_is_no_login_is_said(file: Path, text: str) -> None:
    Keeper(file).save(LOGIN)
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsMissing, match=r"muster login|cannot be read"):
        Keeper(file).load()


def test_one_that_cannot_be_written_leaves_the_one_before(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Keeper(file).save(LOGIN)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsMissing, match="No space left"):
        Keeper(file).save(Login("https://other.example", "b@m.example", "x", 1.0, "y"))
    assert Keeper(file).load() == LOGIN
    assert [each.name for each in file.parent.iterdir()] == ["login.json"]


def test_secrets_are_not_shown() -> None:
    assert "t.o.k" not in repr(LOGIN)
    assert "refresh'" not in repr(LOGIN)


def test_one_at_a_time_renews(file: Path) -> None:
    with Keeper(file).alone():
        assert not can_lock(file)
    assert can_lock(file)


def can_lock(file: Path) -> bool:
    """Whether another command could renew now."""
    with file.with_name("login.lock").open("w") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.parametrize(
    ("variables", "where"),
    [({}, ".config/muster"), ({"XDG_CONFIG_HOME": ""}, ".config/muster"), ({"XDG_CONFIG_HOME": "x"}, ".config/muster")],
)
def test_it_is_in_the_home_of_its_owner(variables: dict[str, str], where: str) -> None:
    assert file_of(variables) == Path.home() / where / "login.json"


def test_it_is_where_the_xdg_directories_say(tmp_path: Path) -> None:
    assert file_of({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "muster" / "login.json"
