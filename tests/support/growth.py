"""How much memory a process takes for what it does."""

from pathlib import Path

from tests.support.service_process import ServiceProcess


class Growth:
    """How many MiB a process holds more at its peak than before."""

    def __init__(self, process: ServiceProcess) -> None:
        self._folder = Path("/proc") / str(process.process.pid)
        self.mib = 0.0

    def __enter__(self) -> "Growth":
        (self._folder / "clear_refs").write_text("5")  # proc(5): forgets the peak so far
        self._before = self._kib("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.mib = (self._kib("VmHWM") - self._before) / 1024
        print(f"{self.mib:.1f} MiB")

    def _kib(self, name: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
