from stack.commands.unit import unit_environment
from stack.paths import REPOSITORY
from tests.unit.conftest import SLOW


def test_unit_tests_get_no_server_s_address() -> None:
    environment = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://h",
        "TEST_DATABASE_URL": "postgresql://h",
        "TEST_HISTORY_AMQP_URL": "amqp://h",
    }
    assert unit_environment(environment) == {"PATH": "/bin", "UNIT_PROFILE": "quick"}


def test_more_examples_may_be_asked_for() -> None:
    assert unit_environment({"UNIT_PROFILE": "suite"}) == {"UNIT_PROFILE": "suite"}


def test_every_slow_test_is_there() -> None:
    for name in SLOW:
        file, _, test = name.partition("::")
        found = list((REPOSITORY / "tests" / "unit").glob(f"{file}*"))
        assert found, name
        assert f"def {test}" in "".join(path.read_text() for path in found)
