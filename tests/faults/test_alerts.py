"""Each alert fires under its fault and is silent without: a real Prometheus reads the bed.

Everything that takes time in the rules is shortened by one factor (tests/support/shortened.py). Faults that have
nothing to do with each other are there together: one after the other they would take minutes.
"""

from collections.abc import AsyncIterator

import pytest
import yaml

from stack.paths import REPOSITORY
from stack.services import SERVICE_NAMES
from tests.faults import alerts_broken as broken
from tests.faults.alerting import Fault, Watched, run_together
from tests.faults.bed import Bed
from tests.faults.load import load
from tests.faults.moving import moving
from tests.faults.scene import ALL, ask_of_everybody, new_scene
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
    Fault("the broker's link slow", broken.broker_slow, ["ProjectionLags"]),
    Fault("a service slow, and wanted by many", broken.history_slow_and_wanted, ["RequestsShed", "LatencyHigh"]),
    Fault("a process stopped every half second", broken.process_out_of_breath, ["EventLoopLate"]),
    Fault("a table missing", broken.table_missing, ["DefectsSeen", "ErrorsLogged"]),
    Fault("no queue for a type of event", broken.events_without_a_queue, ["EventRefused"]),
)
LOCKED = (
    Fault("the table of records locked, and wanted by many", broken.history_locked, ["PoolExhausted", "QueueLong"]),
    Fault("the table of keys locked", broken.housekeeping_locked, ["HousekeepingNotRun"]),
    Fault("the table of people locked during an import", broken.people_locked, ["ImportStuck"]),
    Fault("the table of standings locked", broken.clearances_locked, ["StandingsBehind"]),
    Fault("the table of webhooks' messages locked", broken.messages_locked, ["WebhooksLate"]),
)
WAVES = {
    "killed": (KILLED, {"ProcessRestarts"}),
    "not sent": (NOT_SENT, {"ProcessDown", "ErrorsLogged", "ProjectionLags"}),
    "slow": (
        SLOW,
        {"ErrorRateHigh", "OutboxOld", "BulkOutboxOld", "ProcessDown", "MetricsNotSampled", "PoolExhausted"},
    ),
    "locked": (LOCKED, {"ErrorRateHigh", "ProjectionLags", "FeedHorizonBehind", "MetricsNotSampled", "CircuitOpen"}),
}
"""By name: faults that are there together, and what follows from them beside their own alerts."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
async def watched(whole_bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """With clients at work all the time."""
    directory = tmp_path_factory.mktemp("prometheus")
    async with (
        running_prometheus(directory, [shortened(file.read_text()) for file in RULES]) as prometheus,
        whole_bed.changed(*SERVICE_NAMES, HOUSEKEEPING_INTERVAL="1"),
    ):
        scene = await new_scene(whole_bed, hooked=ALL)
        await ask_of_everybody(whole_bed, scene)
        async with load(whole_bed, scene, SEED) as ledger, moving(whole_bed, ledger, scene):
            watched = Watched(whole_bed, prometheus)
            watched.read_all()
            yield watched


@pytest.mark.parametrize("wave", WAVES)
async def test_alerts_fire_under_their_faults_and_are_silent_before_and_after(
    bed: Bed, watched: Watched, wave: str
) -> None:
    faults, also = WAVES[wave]
    await watched.quiet()
    await run_together(watched, faults, also)
    await bed.mend()
    await watched.quiet()


def test_every_alert_has_a_fault_under_which_it_fires() -> None:
    rules = [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    fired = [alert for faults, _ in WAVES.values() for fault in faults for alert in fault.alerts]
    assert sorted(fired) == sorted(rule["alert"] for rule in rules)
