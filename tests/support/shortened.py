"""Alert rules in which everything takes less time, by one factor: of half an hour half a minute is left."""

import re
from typing import Any, Final

import yaml

FACTOR: Final = 60
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LEAST: Final = 3
"""Seconds that a rate is over at least: with fewer it would have one sample of a metric that is read each second."""
AGES: Final = (
    "muster_outbox_oldest_seconds", "muster_projection_lag_seconds_bucket", "muster_feed_horizon_seconds",
    "muster_webhook_oldest_seconds", "muster_housekeeping_last_run_seconds",
)  # fmt: skip
"""Metrics that grow by a second each second while something stands still: their bounds are shortened with the rest."""

_DURATION = r"(\d+)([smhd])"


def shortened(rules: str, factor: int = FACTOR) -> str:
    """The same alerts with every `for`, every range and the bounds of ages divided by the factor; nothing else."""
    content = yaml.safe_load(rules)
    for group in content["groups"]:
        for rule in group["rules"]:
            rule["expr"] = _expression(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = _duration(re.fullmatch(_DURATION, rule["for"]), factor, 0)
    return str(yaml.safe_dump(content, sort_keys=False))


def _expression(expression: str, factor: int) -> str:
    shorter = re.sub(rf"(?<=\[){_DURATION}(?=\])", lambda found: _duration(found, factor, LEAST), expression)
    if not any(age in expression for age in AGES):
        return shorter
    bounded, bounds = re.subn(r"(?<=> )(\d+)\s*$", lambda found: f"{int(found[1]) / factor:g}", shorter)
    assert bounds == 1, f"no bound at the end of {expression}"
    return bounded


def _duration(found: Any, factor: int, least: int) -> str:
    assert found is not None
    return f"{max(int(found[1]) * SECONDS[found[2]] // factor, least)}s"
