"""For how long the feed was held back, by a clock of the test's own."""

from prometheus_client import CollectorRegistry

from services.delivery.metrics import HorizonMetrics, WebhookMetrics


def test_the_horizon_is_behind_for_as_long_as_it_stands_still() -> None:
    registry, now = CollectorRegistry(), 100.0
    horizon = HorizonMetrics(registry, clock=lambda: now)

    def behind(below: int, above: int) -> float | None:
        horizon.found(below, above)
        return registry.get_sample_value("muster_feed_horizon_seconds")

    assert behind(7, 9) == 0
    now += 5
    assert behind(7, 12) == 5
    now += 5
    assert behind(7, 12) == 10
    assert behind(8, 12) == 0  # another transaction holds it back
    now += 5
    assert behind(12, 12) == 0
    now += 5
    assert behind(12, 14) == 5  # since it was last seen at its end
    now += 5
    assert behind(14, 14) == 0


def test_tries_are_counted_by_outcome() -> None:
    registry = CollectorRegistry()
    metrics = WebhookMetrics(registry)
    metrics.sent(0.1, delivered=True, refused=False)
    metrics.sent(0.2, delivered=False, refused=False)
    metrics.sent(0.3, delivered=False, refused=True)
    for outcome in ("delivered", "failed", "refused"):
        assert registry.get_sample_value("muster_webhook_attempts_total", {"outcome": outcome}) == 1
    assert registry.get_sample_value("muster_webhook_duration_seconds_count") == 3
