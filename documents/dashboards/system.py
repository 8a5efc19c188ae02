"""The system on one page: what clients notice, and where it may come from."""

from typing import Final

from documents.dashboards.panels import RATE, Dashboard, Panel, Query, gauge, line, mean, number, quantiles, rate

_AT_GATEWAY: Final = 'process="gateway"'
_DURATION: Final = "http_server_request_duration_seconds"
_REQUESTS: Final = f'rate(http_server_request_duration_seconds_count{{job="muster", process="gateway"}}[{RATE}])'
_FAILED: Final = _REQUESTS.replace('"gateway"', '"gateway", status=~"5.."')
_SLOW_ROUTES: Final = quantiles(_DURATION, "route", of=_AT_GATEWAY, shares=(0.99,))[0][0]

SYSTEM: Final = Dashboard(
    "system",
    "Muster: system",
    {
        "Now": (
            number("Requests", "reqps", f"sum({_REQUESTS})", "Answered by the gateways."),
            number("Failed", "percentunit", f"(sum({_FAILED}) or vector(0)) / sum({_REQUESTS})", "The share with 5xx."),
            number(
                "p99", "s", quantiles(_DURATION, of=_AT_GATEWAY, shares=(0.99,))[0][0]
            ),
            number("Alerts", "short", 'count(ALERTS{alertstate="firing"}) or vector(0)', "Those that fire."),
            number("Oldest event", "s", 'max(muster_outbox_oldest_seconds{job="muster"})', "Not yet published."),
            number("Dead letters", "short", 'sum(max by (process) (muster_dead_letters{job="muster"}))'),
        ),
        "Requests": (
            line(
                "Requests by status", "reqps", rate(f"{_DURATION}_count", "status", of=_AT_GATEWAY),
                stacked=True,
            ),
            line(
                "Duration", "s",
                *quantiles(_DURATION, of=_AT_GATEWAY, shares=(0.5, 0.9, 0.99)),
            ),
            line(
                "Slowest routes", "s",
                (f"topk(10, {_SLOW_ROUTES})", "{{route}}"), meaning="p99 of the ten slowest.",
            ),
            line("Errors by code", "reqps", rate("muster_refusals_total", "code", of=_AT_GATEWAY), stacked=True),
            line("Rate limited", "reqps", rate("muster_rate_limited_total", "kind")),
            line("Open streams", "short", gauge("muster_streams_open", "process", how="sum")),
        ),
        "Services, as the gateway sees them": (
            line("Duration at the upstream", "s", *quantiles("muster_upstream_duration_seconds", "upstream")),
            line(
                "In flight and waiting", "short",
                ('sum by (upstream) (muster_bulkhead_in_flight{job="muster"})', "{{upstream}}"),
                ('sum by (upstream) (muster_bulkhead_waiting{job="muster"})', "{{upstream}}, waiting"),
            ),
            line("Refused by bulkheads", "reqps", rate("muster_shed_total", "upstream")),
            line("Open circuits", "bool_on_off", gauge("muster_circuit_open", "upstream")),
        ),
        "Redis": (
            line("Available", "bool_on_off", gauge("muster_redis_available", "instance", how="min")),
            line("Duration of a call", "s", *quantiles("muster_redis_duration_seconds")),
            line(
                "Requests in a call, and failed calls", "short", mean("muster_redis_batch_size"),
                rate("muster_redis_failures_total", "instance"),
            ),
        ),
        "Processes": (
            line("Processor", "percentunit", rate("process_cpu_seconds_total", "process", "instance")),
            line("Memory", "bytes", gauge("process_resident_memory_bytes", "process", "instance")),
            line(
                "Lateness of the event loop", "s",
                *quantiles("muster_event_loop_lag_seconds", "process", shares=(0.99,)),
            ),
            line("Processes", "short", ('sum by (process) (up{job="muster"})', "{{process}}")),
            line("Log lines", "cps", rate("muster_log_lines_total", "process", "level")),
            Panel(
                "Versions", "short", [Query('count by (process, version) (muster_build_info{job="muster"})')],
                kind="table",
            ),
        ),
    },
)  # fmt: skip
