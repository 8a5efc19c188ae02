"""Where the RabbitMQ node looks for its modules: without plugins it starts in half the time.

At its start the node loads every module of the applications that it consists of. It would look for each of them in the
directories of seventy plugins first, which is 50,000 files that are not there and most of the time of a start
(RabbitMQ 3.10 on Erlang 25).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path


def broker_of(programs: Path) -> Path | None:
    """The directory of the application `rabbit` beside RabbitMQ's programs; None if the layout differs."""
    found = [*(programs.parent / "plugins").glob("rabbit-*[0-9]")]
    return found[0] if len(found) == 1 else None


def link_alone(directory: Path, broker: Path) -> None:
    """Make it a plugin directory with the broker alone: RabbitMQ reads the schema of its settings there."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / broker.name).symlink_to(broker)


def search_options(broker: Path, epmd: Path) -> str:
    """Erlang options: search the broker's and Erlang's own applications for modules, the largest first."""
    directories = [*_without_plugins(broker.parent), *_of_erlang(epmd)]
    # Of the directories after `-pa` the last is searched first.
    by_size = sorted(directories, key=lambda directory: sum(1 for _ in directory.glob("*.beam")))
    return " ".join(["-pa", *(str(directory) for directory in by_size if " " not in str(directory))])


def _without_plugins(applications: Path) -> Iterator[Path]:
    for directory in applications.glob("*/ebin"):
        name = directory.parent.name
        if not name.startswith("rabbitmq_") or name.startswith("rabbitmq_prelaunch-"):
            yield directory


def _of_erlang(epmd: Path) -> Iterator[Path]:
    for parent in epmd.resolve().parents:
        if any(parent.glob("lib/kernel-*")):
            yield from parent.glob("lib/*/ebin")
            return
