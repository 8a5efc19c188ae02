"""Where the local stack keeps its files: one directory of the clone, accessible to its owner alone."""

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
STACK_DIRECTORY = REPOSITORY / ".stack"
CLIENT = REPOSITORY / "clients" / "python"
"""Where Python finds the package `muster`."""


@dataclass(frozen=True)
class Layout:
    """The paths of one instance of the stack; `./dev up` has one, each run of `./dev test` its own."""

    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def spans(self) -> Path:
        """What each process has traced, a file for each and the one before it."""
        return self.root / "spans"

    @property
    def run(self) -> Path:
        """Pid files."""
        return self.root / "run"

    @property
    def data(self) -> Path:
        """What the servers keep, a directory for each."""
        return self.root / "data"

    @property
    def secrets(self) -> Path:
        """Generated passwords, one a file."""
        return self.root / "secrets"

    @property
    def state_file(self) -> Path:
        """Ports and the name of the RabbitMQ node."""
        return self.root / "state.json"

    @property
    def installation_file(self) -> Path:
        """The name by which this stack's events say that they come from it."""
        return self.root / "installation"

    @property
    def environment_file(self) -> Path:
        """Addresses and a token as shell assignments, while the stack runs."""
        return self.root / "env"

    @property
    def lock_file(self) -> Path:
        """Held while the stack is being started or stopped."""
        return self.root / "lock"

    @property
    def subscribers_lock_file(self) -> Path:
        """Held while a subscriber's user is added or removed."""
        return self.root / "subscribers.lock"

    @property
    def supervisor_file(self) -> Path:
        """Pid file of the process that starts or supervises the stack: `./dev up`, or the one it leaves behind."""
        return self.root / "supervisor"

    @property
    def supervision_file(self) -> Path:
        """Written by the supervisor for other commands: its identity and how often it has restarted each process."""
        return self.root / "supervision.json"

    @property
    def supervisor_log(self) -> Path:
        """A line for each process that ended and was started again."""
        return self.log / "supervisor.log"

    def pid_file(self, name: str) -> Path:
        """Of one process of the stack."""
        return self.run / f"{name}.pid"

    def hold_file(self, name: str) -> Path:
        """There while the supervisor must not start this process."""
        return self.run / f"{name}.held"

    def process_lock_file(self, name: str) -> Path:
        """Held while this process is being started or stopped."""
        return self.run / f"{name}.lock"

    @property
    def internal_keys(self) -> Path:
        """Keys with which the gateway and the services sign their requests to each other."""
        return self.root / "internal-keys"

    def internal_keys_file(self, name: str) -> Path:
        """The private keys of the gateway or of a service; under the name `trusted`, all public keys."""
        return self.internal_keys / name / "keys.json"

    @property
    def earlier_users_file(self) -> Path:
        """The users, as the version before kept them."""
        return self.root / "users.json"

    @property
    def earlier_keys_file(self) -> Path:
        """The keys that sign clients' tokens, as the version before kept them."""
        return self.root / "keys.json"

    @property
    def seeded_file(self) -> Path:
        """Names the PostgreSQL server that has the demonstration data."""
        return self.root / "seeded"

    def create(self) -> None:
        """Create missing directories, accessible to their owner alone."""
        for directory in (self.root, self.log, self.run, self.data, self.secrets):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)


def write_private(path: Path, content: str) -> None:
    """Write a file of mode 0600 atomically: neither a reader nor a crash sees a part of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(path)
