from shared.postgres.pool import where


def test_conditions_nobody_asked_for_fall_away_and_the_rest_are_numbered() -> None:
    asked = {"course_id = {}": 7, "status = {}": None, "title ILIKE {}": "%x%"}
    assert where(asked) == ("course_id = $1 AND title ILIKE $2", [7, "%x%"])
    assert where(asked, first=4) == ("course_id = $4 AND title ILIKE $5", [7, "%x%"])


def test_false_and_zero_and_nothing_written_are_asked_for() -> None:
    assert where({"a = {}": False, "b = {}": 0, "c = {}": ""}) == ("a = $1 AND b = $2 AND c = $3", [False, 0, ""])


def test_without_conditions_everything_matches() -> None:
    assert where({"a = {}": None}) == ("true", [])
