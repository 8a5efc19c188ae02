"""The alert rules and the configuration of Prometheus and Alertmanager, by their own tools; and each rule's runbook."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.paths import REPOSITORY
from tests.support.papers import anchors
from tests.support.shortened import shortened

OBSERVABILITY = REPOSITORY / "deploy" / "observability"
RULES = sorted((OBSERVABILITY / "rules").glob("*.yml"))
TESTS = sorted((OBSERVABILITY / "rules" / "tests").glob("*.yml"))
ALERTS: list[dict[str, Any]] = [
    rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]
]
NAMES = [alert["alert"] for alert in ALERTS]
A_MINUTE = 60


def said_by(tool: str, *arguments: str | Path) -> str:
    """What the tool says of what it was given; fails when it refuses it."""
    done = subprocess.run([os.environ[tool], *arguments], capture_output=True, text=True, timeout=A_MINUTE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_its_configuration_and_all_rules() -> None:
    said = said_by("PROMTOOL", "check", "config", OBSERVABILITY / "prometheus.yml")
    assert f"{len(RULES)} rule files found" in said
    assert sum(map(int, re.findall(r"(\d+) rules found", said))) == len(ALERTS)


def test_control_a_wrong_rule_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(RULES[0].read_text().replace("max by (process) (", "max by (process ("))
    with pytest.raises(AssertionError, match="parse error"):
        said_by("PROMTOOL", "check", "rules", wrong)


def test_the_rules_do_what_their_tests_say() -> None:
    said_by("PROMTOOL", "test", "rules", *TESTS)


def test_alertmanager_takes_its_configuration() -> None:
    said_by("AMTOOL", "check-config", OBSERVABILITY / "alertmanager.yml")


def test_alertmanager_names_alerts_that_there_are() -> None:
    content = yaml.safe_load((OBSERVABILITY / "alertmanager.yml").read_text())
    matchers = [
        each for rule in content["inhibit_rules"] for side in ("source", "target") for each in rule[f"{side}_matchers"]
    ]
    named = {name for matcher in matchers for name in re.findall(r"[A-Z]\w+", matcher)}
    assert named - {*NAMES} == set()


def test_each_alert_has_one_name() -> None:
    assert sorted(NAMES) == sorted({*NAMES})


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_how_grave_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(REPOSITORY / page)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(alert: dict[str, Any]) -> None:
    cases = [
        case
        for file in TESTS
        for group in yaml.safe_load(file.read_text())["tests"]
        for case in group["alert_rule_test"]
    ]
    fires = {bool(case.get("exp_alerts")) for case in cases if case["alertname"] == alert["alert"]}
    assert fires == {True, False}


def test_shortened_rules_are_the_same_but_for_their_times() -> None:
    rules = yaml.safe_load(shortened(RULES[0].read_text()))["groups"][0]["rules"]
    outbox = next(rule for rule in rules if rule["alert"] == "OutboxOld")
    assert outbox["for"] == "1s"
    assert outbox["expr"].endswith("> 1")
    queue = next(rule for rule in rules if rule["alert"] == "QueueLong")
    assert queue["for"] == "10s"
    assert queue["expr"].endswith("> 5000")
    lags = next(rule for rule in rules if rule["alert"] == "ProjectionLags")
    assert "[5s]" in lags["expr"]
    assert lags["expr"].rstrip().endswith("> 0.5")
