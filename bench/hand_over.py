"""`python -m bench.hand_over`: what it takes one process to wake another, which nothing that several do can be below.

A byte goes to a process on another core, and back, once a millisecond, so that both sleep in between. Prints JSON,
milliseconds. On a virtual machine whose host is busy it is many times what it is on one whose host is not.
"""

import json
import os
import socket
import time

TIMES = 1000
BETWEEN = 0.001
"""Seconds."""


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    here, there = socket.socketpair()
    if not os.fork():
        here.close()
        os.sched_setaffinity(0, cores[-1:])
        while byte := there.recv(1):
            there.send(byte)
        os._exit(0)
    there.close()
    os.sched_setaffinity(0, cores[:1])
    taken = sorted(_there_and_back(here) for _ in range(TIMES))
    here.close()
    os.wait()
    print(json.dumps({f"p{share}": 1000 * taken[TIMES * share // 100] for share in (50, 90)}))


def _there_and_back(other: socket.socket) -> float:
    time.sleep(BETWEEN)
    began = time.perf_counter()
    other.send(b"?")
    other.recv(1)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
