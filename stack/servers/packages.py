"""Installs missing programs from the packages of Debian or Ubuntu."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.console import Steps
from stack.errors import ProcessFailed, StackError
from stack.processes.managed_process import last_lines
from stack.servers.requirements import POSTGRES, RABBITMQ, REDIS, Program, Requirement, find

UPDATE_SECONDS = 300
INSTALL_SECONDS = 1_200
LOCK_SECONDS = 180
DISABLE_SECONDS = 60
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_MARK = "# Made by ./dev while it installs packages; of no use afterwards."
POLICY_SCRIPT = f"#!/bin/sh\n{POLICY_MARK}\nexit 101\n"
ALL = (POSTGRES, REDIS, RABBITMQ)


def provide(requirements: Sequence[Requirement], steps: Steps, log_file: Path) -> dict[Requirement, Program]:
    """Find the programs, installing those that are missing where this machine and its user allow it.

    Raises StackError naming everything that is missing or too old when it cannot be installed.
    """
    found = {requirement: find(requirement) for requirement in requirements}
    absent = [requirement for requirement, program in found.items() if not _suits(requirement, program)]
    if absent:
        _install(absent, found, steps, log_file)
        found |= {requirement: find(requirement) for requirement in absent}
    unsuitable = [requirement for requirement, program in found.items() if not _suits(requirement, program)]
    if unsuitable:
        raise StackError(_cannot(unsuitable, found, "the packages of this system do not provide that"))
    return {requirement: program for requirement, program in found.items() if program}


def _suits(requirement: Requirement, program: Program | None) -> bool:
    return program is not None and program.version >= requirement.oldest


def _install(
    absent: Sequence[Requirement],
    found: dict[Requirement, Program | None],
    steps: Steps,
    log_file: Path,
) -> None:
    if not shutil.which("apt-get"):
        raise StackError(_cannot(absent, found, "there is no apt-get here to install it with"))
    if os.geteuid() != 0:
        raise StackError(_cannot(absent, found, "only root may install packages"))
    packages = [requirement.package for requirement in absent]
    names = ", ".join(requirement.name for requirement in absent)
    steps.say(f"{names} missing: installing Debian's {' '.join(packages)} (not started, not enabled at boot)")
    with _no_daemons_started():
        with steps.step("Package lists"):
            # An unreachable mirror matters only if the installation fails, and its error says more.
            _apt(["update"], UPDATE_SECONDS, log_file)
        with steps.step(f"Install {' '.join(packages)}"):
            _install_packages(packages, log_file)
    _disable_at_boot(absent, log_file)


def _cannot(absent: Sequence[Requirement], found: dict[Requirement, Program | None], reason: str) -> str:
    lines = [f"The local stack needs what this machine lacks, and {reason}:"]
    for requirement in absent:
        program = found.get(requirement)
        lines.append(f"  {requirement}" + (f" (found: {program.version_text})" if program else ""))
    packages = " ".join(requirement.package for requirement in absent)
    lines.append(f"On Debian 12, Ubuntu 24.04 or later: sudo apt-get update && sudo apt-get install {packages}")
    if not {*absent}.isdisjoint(ALL):
        lines.append("Or name servers of your own by DATABASE_URL, REDIS_URL and AMQP_URL.")
    return "\n".join(lines)


def _install_packages(packages: Sequence[str], log_file: Path) -> None:
    arguments = ["install", "--yes", "--no-install-recommends", *packages]
    if _apt(arguments, INSTALL_SECONDS, log_file) == 0:
        return
    # dpkg has to configure what a killed installation left unpacked before it installs anything else.
    _logged(["dpkg", "--configure", "-a"], INSTALL_SECONDS, log_file)
    if _apt(arguments, INSTALL_SECONDS, log_file) != 0:
        raise ProcessFailed(f"Installing {' '.join(packages)} failed.", log_file, last_lines(log_file))


def _apt(arguments: Sequence[str], seconds: int, log_file: Path) -> int:
    return _logged(["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}", *arguments], seconds, log_file)


def _logged(command: Sequence[str], seconds: int, log_file: Path) -> int:
    """Run a command, append its output to the log, and return its exit status."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    with log_file.open("ab") as log:
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            what = f"{' '.join(command)} took over {seconds} s."
            raise ProcessFailed(what, log_file, last_lines(log_file)) from None


@contextmanager
def _no_daemons_started() -> Iterator[None]:
    """Keep package scripts from starting servers: invoke-rc.d(8) obeys exit status 101 of policy-rc.d."""
    remove_stale_policy()
    made = not POLICY.exists()
    if made:
        POLICY.write_text(POLICY_SCRIPT)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if made:
            POLICY.unlink(missing_ok=True)


def remove_stale_policy() -> None:
    """Remove the policy-rc.d that a killed installation left behind, but no other one."""
    if os.geteuid() == 0 and POLICY.exists() and POLICY_MARK in POLICY.read_text(errors="replace"):
        POLICY.unlink(missing_ok=True)


def _disable_at_boot(installed: Sequence[Requirement], log_file: Path) -> None:
    services = [requirement.service for requirement in installed if requirement.service]
    commands = [["update-rc.d", service, "disable"] for service in services]
    if RABBITMQ in installed and shutil.which("systemctl"):
        commands.append(["systemctl", "disable", "epmd.socket", "epmd.service"])
    for command in commands:
        if shutil.which(command[0]):
            _logged(command, DISABLE_SECONDS, log_file)
