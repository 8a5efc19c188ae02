from pathlib import Path

from stack.servers.erlang_modules import broker_of, link_alone, search_options


def application(directory: Path, name: str, modules: int) -> Path:
    folder = directory / name / "ebin"
    folder.mkdir(parents=True)
    for number in range(modules):
        (folder / f"module_{number}.beam").touch()
    return folder


def erlang(directory: Path) -> Path:
    """The port mapper of an installation with two applications."""
    application(directory / "lib", "kernel-8.5", 4)
    application(directory / "lib", "ssl-10.8", 2)
    mapper = directory / "erts-13.1" / "bin" / "epmd"
    mapper.parent.mkdir(parents=True)
    mapper.touch()
    return mapper


def test_the_largest_applications_are_searched_first_and_plugins_not_at_all(tmp_path: Path) -> None:
    for name, modules in (("rabbit-3.10.8", 5), ("ra-2.2.0", 3), ("rabbitmq_prelaunch-3.10.8", 1)):
        application(tmp_path / "plugins", name, modules)
    application(tmp_path / "plugins", "rabbitmq_management-3.10.8", 9)
    options = search_options(tmp_path / "plugins" / "rabbit-3.10.8", erlang(tmp_path / "erlang"))
    names = [Path(part).parent.name for part in options.removeprefix("-pa ").split(" ")]
    assert names == ["rabbitmq_prelaunch-3.10.8", "ssl-10.8", "ra-2.2.0", "kernel-8.5", "rabbit-3.10.8"]


def test_the_mapper_may_be_a_link_into_erlang(tmp_path: Path) -> None:
    application(tmp_path / "plugins", "rabbit-3.10.8", 1)
    link = tmp_path / "bin" / "epmd"
    link.parent.mkdir()
    link.symlink_to(erlang(tmp_path / "erlang"))
    assert "/kernel-8.5/" in search_options(tmp_path / "plugins" / "rabbit-3.10.8", link)


def test_the_broker_is_linked_alone_again_and_again(tmp_path: Path) -> None:
    plugins = tmp_path / "of its own"
    for version in ("3.10.8", "4.1.0"):
        programs = tmp_path / version / "sbin"
        programs.mkdir(parents=True)
        for name in (f"rabbit-{version}", f"rabbit_common-{version}", f"rabbitmq_management-{version}"):
            application(tmp_path / version / "plugins", name, 1)
        broker = broker_of(programs)
        assert broker is not None
        link_alone(plugins, broker)
        assert [found.resolve() for found in plugins.iterdir()] == [broker]


def test_a_broker_that_is_laid_out_otherwise_is_started_as_it_is(tmp_path: Path) -> None:
    assert broker_of(tmp_path / "sbin") is None
