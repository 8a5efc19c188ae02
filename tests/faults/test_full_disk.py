"""What a run that was killed has mounted is taken down by a later one, and what a living one has is not."""

import subprocess
from pathlib import Path

from stack.commands.test import PREFIX
from stack.processes.process_identity import own_identity
from tests.faults.full_disk import mount, require_rights, unmount_forgotten

SIZE = 2**20


def test_a_small_disk_is_unmounted_once_its_run_is_gone(tmp_path: Path) -> None:
    require_rights()
    identity = own_identity()
    mine, forgotten = (tmp_path / f"{PREFIX}{identity.pid}-{started}-bed" for started in (identity.started, 1))
    for run in (mine, forgotten):
        run.mkdir()
        mount(run / "small-disk", SIZE)
    try:
        unmount_forgotten()
        assert (mine / "small-disk").is_mount()
        assert not (forgotten / "small-disk").is_mount()
    finally:
        subprocess.run(["umount", str(mine / "small-disk")], check=True)
