"""Each alert fires under its fault and is silent without: a real Prometheus reads the bed.

Everything that takes time in the rules is shortened by one factor (tests/support/shortened.py). Faults that have
nothing to do with each other are there together: one after the other they would take minutes.
"""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from documents.dashboards.files import DASHBOARDS
from documents.dashboards.panels import RATE, Dashboard
from stack.paths import REPOSITORY
from stack.services import SERVICE_NAMES
from tests.faults import alerts_broken as broken
from tests.faults.alerting import Fault, Watched, run_together
from tests.faults.alerts_broken import import_people
from tests.faults.bed import Bed
from tests.faults.load import load
from tests.faults.pictures import page
from tests.faults.scene import ask_of_everybody, new_scene
from tests.support.eventually import eventually
from tests.support.prometheus import running_prometheus
from tests.support.shortened import shortened

SEED = 28
RULES = sorted((REPOSITORY / "deploy" / "observability" / "rules").glob("*.yml"))

KILLED = (
    Fault("both processes of a service killed", broken.history_killed, ["ProcessDown", "CircuitOpen", "ErrorRateHigh"]),
    Fault("a service's addresses unknown", broken.accounts_not_found, ["ProcessMissing"]),
    Fault("Redis killed", broken.redis_killed, ["RedisGone"]),
    Fault(
        "a process of another version, with 420 MiB more and few descriptors", broken.another_gateway,
        ["MemoryHigh", "DescriptorsRunOut", "VersionsDiffer"],
    ),
    Fault("messages that cannot be applied", broken.poisoned, ["DeadLetters", "ConsumerFails"]),
    Fault("a transaction left open that has written", broken.transaction_left_open, ["FeedHorizonBehind"]),
)  # fmt: skip
NOT_SENT = (
    Fault(
        "the broker killed", broken.broker_killed,
        ["RelayNotConnected", "ConsumerNotConnected", "OutboxOld", "BulkOutboxOld", "MetricsNotSampled"],
    ),
    Fault("all receivers of webhooks refuse", broken.receiver_refuses, ["WebhooksFail"]),
    Fault("a process restarted again and again", broken.restarted_again_and_again, ["ProcessRestarts"]),
)  # fmt: skip
SLOW = (
    Fault("the broker's link standing still again and again", broken.broker_slow, ["ProjectionLags"]),
    Fault("a service slow, and wanted by many", broken.history_slow_and_wanted, ["RequestsShed", "LatencyHigh"]),
    Fault("a process stopped again and again for half a second", broken.process_out_of_breath, ["EventLoopLate"]),
    Fault("a table missing", broken.table_missing, ["DefectsSeen", "ErrorsLogged"]),
    Fault("no queue for a type of event", broken.events_without_a_queue, ["EventRefused"]),
)
LOCKED = (
    Fault("the tables of a projection locked", broken.history_locked, ["QueueLong"]),
    Fault("the table of courses locked, and many to be written", broken.courses_locked, ["PoolExhausted"]),
    Fault("the table of keys locked", broken.housekeeping_locked, ["HousekeepingNotRun"]),
    Fault("the table of people locked during an import", broken.people_locked, ["ImportStuck"]),
    Fault("the table of standings locked", broken.standings_locked, ["StandingsBehind"]),
    Fault("the table of webhooks' messages locked", broken.messages_locked, ["WebhooksLate"]),
)
WAVES = {
    "killed": (KILLED, {"ErrorsLogged"}),
    "not sent": (NOT_SENT, {"ProcessDown", "ErrorsLogged", "ProjectionLags"}),
    "slow": (
        SLOW,
        {
            "ErrorRateHigh",
            "OutboxOld",
            "BulkOutboxOld",
            "ProcessDown",
            "MetricsNotSampled",
            "PoolExhausted",
            "FeedHorizonBehind",
        },
    ),
    "locked": (LOCKED, {"ErrorRateHigh", "ProjectionLags", "FeedHorizonBehind", "MetricsNotSampled", "CircuitOpen"}),
}
"""By name: faults that are there together, and what follows from them beside their own alerts."""

PICTURED = 300.0
"""Seconds that the pictures of panels show."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
async def watched(whole_bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """With clients at work all the time."""
    directory = tmp_path_factory.mktemp("prometheus")
    async with (
        running_prometheus(directory, [shortened(file.read_text()) for file in RULES]) as prometheus,
        whole_bed.changed(*SERVICE_NAMES, HOUSEKEEPING_INTERVAL="1"),
    ):
        scene = await new_scene(whole_bed)
        await ask_of_everybody(whole_bed, scene)
        async with load(whole_bed, scene, SEED):
            watched = Watched(whole_bed, prometheus, scene)
            watched.read_all()
            yield watched


@pytest.mark.long
@pytest.mark.parametrize("wave", WAVES)
async def test_alerts_fire_under_their_faults_and_are_silent_before_and_after(
    bed: Bed, watched: Watched, wave: str
) -> None:
    faults, also = WAVES[wave]
    await watched.quiet()
    await run_together(watched, faults, also)
    await bed.mend()
    await watched.quiet()


async def test_every_panel_of_the_dashboards_has_data(watched: Watched) -> None:
    """With `PICTURES=directory` it draws them there."""
    began = time.time() - PICTURED
    await import_people(watched, 7309)
    assert (await watched.bed.client(7309).get("/api/v1/nothing")).status == 404

    async def all_have_data() -> bool:
        without = [name for name, expression in expressions().items() if not await has_data(watched, expression)]
        assert not without, f"no data for {without}"
        return True

    await eventually(all_have_data, deadline=60)
    if directory := os.environ.get("PICTURES"):
        for dashboard in DASHBOARDS:
            (Path(directory) / f"{dashboard.uid}.svg").write_text(await pictures(watched, dashboard, began))


async def test_control_a_panel_of_a_metric_that_nobody_has_is_noticed(watched: Watched) -> None:
    assert not await has_data(watched, 'sum(rate(muster_nothing_total{job="muster"}[5m]))')


def expressions() -> dict[str, str]:
    """Of all panels, each over the whole run and of all processes."""
    return {
        f"{dashboard.uid}: {panel.title}: {query.expression}": over(query.expression, "5m")
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        for query in panel.queries
    }


def over(expression: str, seconds: str) -> str:
    return expression.replace(RATE, seconds).replace("$process", ".+")


async def has_data(watched: Watched, expression: str) -> bool:
    return any(sample["value"][1] != "NaN" for sample in await watched.prometheus.query(expression))


async def pictures(watched: Watched, dashboard: Dashboard, began: float) -> str:
    series = {
        panel.title: [
            each
            for query in panel.queries
            for each in await watched.prometheus.query_range(over(query.expression, "5s"), began, time.time(), 1.0)
        ]
        for panel in dashboard.panels
    }
    return page(series)


def test_every_alert_has_a_fault_under_which_it_fires() -> None:
    rules = [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    fired = [alert for faults, _ in WAVES.values() for fault in faults for alert in fault.alerts]
    assert sorted(fired) == sorted(rule["alert"] for rule in rules)
