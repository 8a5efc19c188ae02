"""One service, or the gateway, chosen above."""

from typing import Final

from documents.dashboards.panels import SOURCE, Dashboard, gauge, line, mean, quantiles, rate

_OF: Final = 'process=~"$process"'
_DURATION: Final = "http_server_request_duration_seconds"

SERVICE: Final = Dashboard(
    "service",
    "Muster: a service",
    {
        "Requests": (
            line("Requests by route", "reqps", rate(f"{_DURATION}_count", "method", "route", of=_OF), stacked=True),
            line("p99 by route", "s", *quantiles(_DURATION, "method", "route", of=_OF, shares=(0.99,))),
            line("Requests by status", "reqps", rate(f"{_DURATION}_count", "status", of=_OF), stacked=True),
            line("Errors by code", "reqps", rate("muster_refusals_total", "code", of=_OF), stacked=True),
            line(
                "In flight", "short", gauge("muster_requests_in_flight", "instance", of=_OF),
                (gauge("muster_requests_in_flight_limit", "instance", of=_OF)[0], "limit of {{instance}}"),
            ),
        ),
        "Database": (
            line(
                "Connections in use", "short",
                gauge("muster_pool_connections", "instance", "pool", of=f'{_OF}, state="used"'),
                (gauge("muster_pool_limit", "pool", of=_OF)[0], "limit of {{pool}}"),
            ),
            line("Wait for a connection", "s", *quantiles("muster_pool_wait_seconds", "pool", of=_OF)),
            line("Reads in a query", "short", mean("muster_read_batch_size", "process", of=_OF)),
            line(
                "Seconds since expired rows were deleted", "s",
                (
                    f'time() - max by (process) (muster_housekeeping_last_run_seconds{{job="muster", {_OF}}})',
                    "{{process}}",
                ),
            ),
        ),
        "Process": (
            line("Processor", "percentunit", rate("process_cpu_seconds_total", "instance", of=_OF)),
            line("Memory", "bytes", gauge("process_resident_memory_bytes", "instance", of=_OF)),
            line("Lateness of the event loop", "s", *quantiles("muster_event_loop_lag_seconds", "instance", of=_OF)),
            line(
                "Open files and connections", "short", gauge("process_open_fds", "instance", of=_OF),
            ),
            line("Garbage collections", "cps", rate("python_gc_collections_total", "generation", of=_OF)),
            line("Log lines", "cps", rate("muster_log_lines_total", "level", of=_OF)),
            line("Samples", "bool_on_off", gauge("muster_metrics_sampled", "sample", of=_OF, how="min")),
        ),
    },
    variables=(
        {
            "name": "process",
            "label": "Process",
            "type": "query",
            "datasource": SOURCE,
            "query": 'label_values(up{job="muster"}, process)',
            "refresh": 2,
            "sort": 1,
        },
    ),
)  # fmt: skip
