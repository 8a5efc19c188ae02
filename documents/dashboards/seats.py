"""Seats: who gets one and who does not, and what else enrollment does."""

from typing import Final

from documents.dashboards.panels import RATE, Dashboard, gauge, line, mean, quantiles, rate

_ALL: Final = f'sum(rate(muster_seat_decisions_total{{job="muster"}}[{RATE}]))'
_TAKEN: Final = f'sum(rate(muster_seat_decisions_total{{job="muster", outcome="taken"}}[{RATE}]))'

SEATS: Final = Dashboard(
    "seats",
    "Muster: seats",
    {
        "Seats": (
            line("Decisions", "ops", rate("muster_seat_decisions_total", "outcome"), stacked=True),
            line("Share that got a seat", "percentunit", (f"{_TAKEN} / {_ALL}", "taken")),
            line("Commands in a transaction", "short", mean("muster_seat_batch_size")),
            line(
                "Duration of enrolling", "s",
                *quantiles(
                    "http_server_request_duration_seconds",
                    of='process="enrollment", method="POST", route="/api/v1/training/enrollments"',
                ),
            ),
            line("Clients that watch seats", "short", gauge("muster_live_followers", "process", how="sum")),
        ),
        "Clearance": (
            line("People to be looked at", "short", gauge("muster_standings_waiting")),
        ),
        "Imports": (
            line("Imports", "short", gauge("muster_imports", "kind", "status")),
            line("Lines", "cps", rate("muster_import_lines_total", "kind", "outcome"), stacked=True),
        ),
    },
)  # fmt: skip
