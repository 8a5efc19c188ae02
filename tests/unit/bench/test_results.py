"""Medians, ratios and goals; alternation; and what is written of them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.picture import goal_of, picture
from bench.report import line, table, write
from bench.results import Result, Samples, at_least, at_most, bounded
from bench.rounds import alternate

OURS, PEER = Samples.of([12.0, 9.0, 30.0]), Samples.of([20.0, 24.0, 4.0])
SLOWER = at_least("lists & more", "requests/s", OURS, PEER, "HAProxy", 0.75)
FAST_ENOUGH = at_least("lists", "requests/s", OURS, PEER, "HAProxy", 0.6)
GROWN = at_most("growth", "ms", OURS, PEER, "a 10th", 1.3)
SMALL = bounded("memory", "MiB", OURS, 11.0)


def test_samples_tell_median_lowest_and_highest() -> None:
    assert (OURS.median, OURS.low, OURS.high) == (12.0, 9.0, 30.0)


def test_without_a_round_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no round"):
        Samples.of([])


@pytest.mark.parametrize(
    ("result", "ratio", "met"),
    [(SLOWER, 0.6, False), (FAST_ENOUGH, 0.6, True), (GROWN, 0.6, True), (SMALL, None, False)],
)
def test_ratio_is_that_of_the_medians_and_decides(result: Result, ratio: float | None, met: bool) -> None:
    assert (result.ratio, result.met) == (ratio, met)


async def test_what_is_compared_is_measured_in_turn_after_a_round_that_does_not_count() -> None:
    order: list[str] = []

    def measure(name: str, first: float) -> float:
        order.append(name)
        return first + order.count(name)

    async def ours() -> float:
        return measure("a", 0)

    async def peer() -> float:
        return measure("b", 10)

    mine, theirs = await alternate(ours, peer, rounds=3)
    assert "".join(order) == "abababab"
    assert (mine.values, theirs.values) == ((2, 3, 4), (12, 13, 14))


def test_results_are_written_as_a_list_with_a_picture_of_ratios(tmp_path: Path) -> None:
    data, drawing = tmp_path / "results.json", tmp_path / "bench.svg"
    write([SLOWER, SMALL], data, drawing)
    write([FAST_ENOUGH, SMALL], data, drawing)
    written = json.loads(data.read_text())
    assert [each["name"] for each in written] == [
        "lists & more",
        "memory",
        "lists",
    ]  # what was not measured again stays
    assert {"name", "ours", "peer", "ratio", "goal", "met"} <= written[0].keys()
    assert (written[0]["ours"], written[0]["peer"], written[0]["ratio"]) == (12.0, 20.0, 0.6)
    assert drawing.read_text() == picture([SLOWER, FAST_ENOUGH])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.svg", "results.json"]


def test_picture_is_well_formed_and_marks_what_misses_its_goal() -> None:
    drawn = ElementTree.fromstring(picture([SLOWER, FAST_ENOUGH, GROWN, SMALL]))  # noqa: S314 - made a moment ago
    bars = [each.get("class") for each in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == ["missed", "met"]


@pytest.mark.parametrize(("result", "goal"), [(SLOWER, 0.75), (GROWN, None), (SMALL, None)])
def test_only_shares_of_a_peer_are_drawn(result: Result, goal: float | None) -> None:
    assert goal_of(result) == goal


def test_every_result_has_a_line_and_a_row() -> None:
    assert table([SLOWER, GROWN, SMALL], "title").row_count == 3
    assert line(SLOWER) == "lists & more: 12.0 requests/s, 0.60 of HAProxy; ≥ 0.75 × not met"
    assert line(SMALL) == "memory: 12.0 MiB; ≤ 11 MiB not met"
