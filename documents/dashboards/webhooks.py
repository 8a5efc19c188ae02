"""Webhooks: what is sent, what comes of it, and what waits."""

from typing import Final

from documents.dashboards.panels import RATE, Dashboard, gauge, line, quantiles, rate

_ATTEMPTS: Final = "muster_webhook_attempts_total"
_ALL: Final = f'sum(rate({_ATTEMPTS}{{job="muster"}}[{RATE}]))'
_LOST: Final = f'sum(rate({_ATTEMPTS}{{job="muster", outcome!="delivered"}}[{RATE}]))'

WEBHOOKS: Final = Dashboard(
    "webhooks",
    "Muster: webhooks",
    {
        "Requests": (
            line("Requests", "reqps", rate(_ATTEMPTS, "outcome"), stacked=True),
            line("Share that fails", "percentunit", (f"{_LOST} / {_ALL}", "failed")),
            line("Duration", "s", *quantiles("muster_webhook_duration_seconds")),
        ),
        "Waiting": (
            line("Messages", "short", gauge("muster_webhooks_waiting")),
            line("Oldest that is due", "s", gauge("muster_webhook_oldest_seconds")),
            line(
                "Disabled within a day", "short",
                ('sum(increase(muster_webhooks_disabled_total{job="muster"}[1d]))', "webhooks"),
                meaning="Because they failed for too long.",
            ),
        ),
    },
)  # fmt: skip
