import os
import subprocess
import sys

from stack.processes.usage import family, usage_of


def test_a_family_is_a_process_its_children_and_theirs() -> None:
    assert family(1, {1: [2, 3], 3: [4], 5: [6]}) == [1, 2, 3, 4]


def test_the_calling_process_uses_memory_and_time() -> None:
    [usage] = usage_of([os.getpid()]).values()
    assert usage.memory > 2**20
    assert usage.cpu_seconds > 0


def test_what_children_use_counts_in_sessions_of_their_own_too() -> None:
    program = "import os; os.setsid(); kept = bytearray(os.urandom(1)) * 2**26; print(flush=True); input()"
    before = usage_of([os.getpid()])[os.getpid()]
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"
        during = usage_of([os.getpid(), child.pid])
        child.communicate(b"\n")
    assert during[child.pid].memory >= 2**26
    assert during[os.getpid()].memory >= before.memory + 2**26 - 2**24


def test_a_process_that_has_ended_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert usage_of([ended.pid]) == {}
