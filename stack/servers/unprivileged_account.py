"""The account that PostgreSQL runs as, since it refuses to run as root."""

import os
import pwd
import shutil

from stack.errors import StackError

CANDIDATES = ("postgres", "nobody")


def unprivileged_account() -> pwd.struct_passwd | None:
    """The account to switch to; None if the caller is not root, and PostgreSQL can run as the caller."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StackError(f"PostgreSQL does not run as root, and there is no user {' or '.join(CANDIDATES)} here.")


def command_prefix(account: pwd.struct_passwd | None) -> list[str]:
    """What to put before a command so that it runs under the account.

    The clone may lie below directories that this account cannot enter, such as a private temporary one.
    It keeps the one capability to do so (CAP_DAC_OVERRIDE, capabilities(7)) and none of root's others.
    """
    if account is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError("PostgreSQL does not run as root, and setpriv (package util-linux) is missing.")
    return [
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]
