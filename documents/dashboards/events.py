"""The way of events: outbox, relay, broker, consumer, feed."""

from typing import Final

from documents.dashboards.panels import Dashboard, gauge, line, mean, quantiles, rate

EVENTS: Final = Dashboard(
    "events",
    "Muster: events",
    {
        "Published": (
            line("Waiting in the outbox", "short", gauge("muster_outbox_waiting", "process", "lane")),
            line("Oldest in the outbox", "s", gauge("muster_outbox_oldest_seconds", "process", "lane")),
            line("Published", "cps", rate("muster_relay_published_total", "process", "lane")),
            line("Published together", "short", mean("muster_relay_batch_size", "process", "lane")),
            line("Refused by the broker", "cps", rate("muster_relay_refused_total", "process")),
            line("Relay connected", "bool_on_off", gauge("muster_relay_connected", "process", how="min")),
        ),
        "Applied": (
            line("Applied", "cps", rate("muster_consumer_applied_total", "process"), stacked=True),
            line("Applied, by type", "cps", rate("muster_consumer_applied_total", "event_type"), stacked=True),
            line("Applied together", "short", mean("muster_consumer_batch_size", "process")),
            line(
                "From commit to projection", "s", *quantiles("muster_projection_lag_seconds", "process"),
                meaning="From the commit at the owner until it is applied.",
            ),
            line("Consumer connected", "bool_on_off", gauge("muster_consumer_connected", "process", how="min")),
            line("Failed", "cps", rate("muster_consumer_failed_total", "process")),
        ),
        "Waiting at the broker": (
            line("In queues", "short", gauge("muster_queue_messages", "process")),
            line("Dead letters", "short", gauge("muster_dead_letters", "process")),
        ),
        "Feed": (
            line("Taken in", "cps", rate("muster_feed_events_total", "process")),
            line("Behind now", "s", gauge("muster_feed_horizon_seconds"), meaning="Of its readable end."),
        ),
    },
)  # fmt: skip
