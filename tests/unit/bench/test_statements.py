"""pgbench gets the statements that the services' stores send."""

import pytest

from bench.dataset import Size
from bench.errors import NotMeasured
from bench.lists import LISTS, List
from bench.pgbench import Statement, parsed, script, statement_of

OUTPUT = "number of failed transactions: 0 (0.000%)\nlatency average = 0.5 ms\ntps = 19876.54 (without initial …)\n"


@pytest.mark.parametrize("each", LISTS, ids=lambda each: each.name)
async def test_statement_of_a_list_becomes_a_script_without_parameters_left(each: List) -> None:
    statement = await statement_of(each.read)
    text = script(statement, each.drawn(Size.of(1)))
    assert "SELECT" in text
    assert "$" not in text.replace("'$[*]", "")
    assert text.count("random(") == len(each.drawn(Size.of(1)))


@pytest.mark.parametrize("each", LISTS, ids=lambda each: each.name)
def test_paths_of_a_list_differ_and_are_bounded(each: List) -> None:
    for scale in (0.01, 1, 10):
        paths = each.paths(Size.of(scale))
        assert 1 <= len(set(paths)) == len(paths) <= 400


def test_parameters_are_numbers_random_ones_and_text() -> None:
    statement = Statement("SELECT $1,\n  $2, $3, $10", (7, 8, "it's", None, None, None, None, None, None, 9))
    assert script(statement, {2: (1, 50)}) == (
        "\\set p1 7\n\\set p2 random(1, 50)\n\\set p10 9\nSELECT :p1, :p2, 'it''s', :p10;\n"
    )


async def test_a_function_that_asks_nothing_has_no_statement() -> None:
    async def silent(connection: object) -> None:
        return None

    with pytest.raises(ValueError, match="asked nothing"):
        await statement_of(silent)


def test_rate_of_pgbench() -> None:
    assert parsed(OUTPUT) == 19876.54


@pytest.mark.parametrize(
    "output", ["", OUTPUT.replace("transactions: 0", "transactions: 3"), OUTPUT.replace("19876.54", "0.00")]
)
def test_failed_transactions_are_no_measurement(output: str) -> None:
    with pytest.raises(NotMeasured):
        parsed(output)
