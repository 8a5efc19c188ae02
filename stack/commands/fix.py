"""`./dev fix`: what ruff can put right by itself."""

import subprocess
import sys
from pathlib import Path

from stack.paths import REPOSITORY


def fix() -> int:
    """Apply ruff's safe fixes, then its format; returns 1 when something is left to do by hand."""
    ruff = str(Path(sys.executable).parent / "ruff")
    statuses = [
        subprocess.run([ruff, *arguments], cwd=REPOSITORY, check=False).returncode
        for arguments in (["check", "--fix"], ["format"])
    ]
    return 1 if any(statuses) else 0
