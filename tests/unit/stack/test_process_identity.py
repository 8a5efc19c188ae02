import os
import subprocess

from stack.processes.process_identity import (
    ProcessIdentity,
    own_identity,
    parse_status,
    process_status,
    session_members,
)


def test_own_identity_is_alive() -> None:
    identity = own_identity()
    assert identity.pid == os.getpid()
    assert identity.is_alive()


def test_same_pid_started_at_another_time_is_not_that_process() -> None:
    own = own_identity()
    assert not ProcessIdentity(own.pid, own.started + 1).is_alive()


def test_process_that_ended_and_was_not_reaped_is_not_alive() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        status = process_status(child.pid)
        assert status is not None
        identity = ProcessIdentity(child.pid, status.started)
        assert identity.is_alive()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.is_alive()
    finally:
        child.kill()
        child.wait(10)


def test_program_name_with_spaces_and_parentheses_is_read() -> None:
    line = "4242 (a) S 1 (b) R 1 4242 4240 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2"
    status = parse_status(line)
    assert status is not None
    assert (status.pid, status.state, status.session, status.started) == (4242, "R", 4240, 987654)


def test_status_cut_short_is_none() -> None:
    assert parse_status("") is None
    assert parse_status("4242 (python) S 1 4242") is None


def test_session_members_are_found() -> None:
    child = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 & read forever"], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        assert child.pid in {member.pid for member in session_members(child.pid)}
    finally:
        os.killpg(child.pid, 9)
        child.wait(10)
