from stack.commands.unit import unit_environment


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
