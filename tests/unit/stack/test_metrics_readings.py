from stack.metrics.differences import Reading
from stack.metrics.exposition import parse
from stack.metrics.reading import SILENT_AFTER, WINDOW, Readings


def reading(at: float, count: int, start: int = 1) -> Reading:
    text = f"process_start_time_seconds {start}\nmuster_shed_total {count}\n"
    return Reading(at, parse(text, {"process_start_time_seconds", "muster_shed_total"}))


def test_one_reading_has_nothing_to_be_compared_with() -> None:
    readings = Readings()
    readings.add(reading(10, 5))
    assert readings.latest(10) is not None
    assert readings.window(10) is None
    assert not readings.comparable.is_set()


def test_rates_are_those_of_the_last_seconds() -> None:
    readings = Readings()
    for second in range(20):
        readings.add(reading(second, count=second**2))
    window = readings.window(19)
    assert window is not None
    assert window.seconds == WINDOW
    assert window.rate("muster_shed_total") == (19**2 - 14**2) / 5


def test_what_was_said_long_ago_is_not_what_is() -> None:
    readings = Readings()
    for second in range(3):
        readings.add(reading(second, 5))
    assert readings.window(2 + SILENT_AFTER - 0.1) is not None
    assert readings.latest(2 + SILENT_AFTER) is None
    assert readings.window(2 + SILENT_AFTER) is None


def test_a_pause_is_not_taken_for_the_last_seconds_alone() -> None:
    readings = Readings()
    for second, count in ((0, 0), (1, 10), (60, 600)):
        readings.add(reading(second, count))
    window = readings.window(60)
    assert window is not None
    assert window.rate("muster_shed_total") == 10
