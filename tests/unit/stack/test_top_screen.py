from datetime import UTC, datetime

from stack.metrics.observed import Observed
from stack.metrics.screen import LINES, frame
from stack.services import SERVICE_NAMES
from tests.support.frames import observed, rendered

NOW = datetime(2026, 11, 30, 9, 41, 7, tzinfo=UTC)
SERVERS = [observed(name, None, measured=False) for name in ("postgres", "redis", "rabbitmq")]
QUIET = [observed(name, {"process_start_time_seconds": 1.0}) for name in ("gateway", *SERVICE_NAMES)]

GATEWAY = {
    'http_server_request_duration_seconds_bucket{route="/a",method="GET",status="200",le="0.005"}': 5940,
    'http_server_request_duration_seconds_bucket{route="/a",method="GET",status="200",le="0.01"}': 6000,
    'http_server_request_duration_seconds_bucket{route="/a",method="GET",status="200",le="+Inf"}': 6000,
    'http_server_request_duration_seconds_count{route="/a",method="GET",status="200"}': 6000,
    'http_server_request_duration_seconds_count{route="/a",method="GET",status="503"}': 10,
    "muster_requests_in_flight": 14,
    "muster_requests_in_flight_limit": 1000,
    'muster_refusals_total{code="not_found",route="/a"}': 60,
    'muster_rate_limited_total{kind="user"}': 10,
    'muster_shed_total{upstream="catalog"}': 0,
    'muster_circuit_open{upstream="catalog"}': 0,
    'muster_circuit_open{upstream="history"}': 0,
    "muster_redis_available": 1,
}
CATALOG = {
    'muster_outbox_waiting{lane="direct"}': 10,
    'muster_outbox_waiting{lane="bulk"}': 1200,
    'muster_outbox_oldest_seconds{lane="direct"}': 0.3,
    'muster_outbox_oldest_seconds{lane="bulk"}': 4.0,
    'muster_relay_published_total{lane="direct"}': 100,
    "muster_relay_connected": 1,
    "muster_consumer_connected": 1,
    "muster_queue_messages": 7,
    "muster_dead_letters": 0,
}


def lines(processes: list[Observed], height: int = LINES) -> dict[str, str]:
    """By the first word; the first one where there are several."""
    found: dict[str, str] = {}
    for line in shown(processes, height):
        found.setdefault(line.partition(" ")[0], line)
    return found


def shown(processes: list[Observed], height: int = LINES) -> list[str]:
    return rendered(frame(processes, NOW, height)).splitlines()


def events_of(name: str, processes: list[Observed]) -> list[str]:
    [line] = [line for line in shown(processes)[11:] if line.startswith(name)]
    return line.split()


def others(*names: str) -> list[Observed]:
    return [each for each in (*QUIET, *SERVERS) if each.name not in names]


def test_a_frame_fits_into_a_small_terminal() -> None:
    busy = [observed("gateway", GATEWAY), observed("catalog", CATALOG), *others("gateway", "catalog")]
    unasked = {'muster_metrics_sampled{sample="outbox"}': 0.0, 'muster_metrics_sampled{sample="queue"}': 0.0}
    worse = [observed("gateway", {**GATEWAY, **unasked}), *others("gateway")]
    for processes in ([*QUIET, *SERVERS], busy, worse):
        assert len(shown(processes)) <= LINES
        assert all(len(line.rstrip()) <= 80 for line in shown(processes))
        assert "…" not in "".join(shown(processes))


def test_a_process_has_its_load_and_how_long_requests_take() -> None:
    seen = lines([observed("gateway", GATEWAY), *others("gateway")])["gateway"].split()
    assert " ".join(seen) == "gateway 1 min 112 MiB 41 % 1,202 2.5 ms 5.0 ms 2.0 14 –"


def test_what_the_gateway_keeps_away_is_a_line() -> None:
    [line] = [line for line in shown([observed("gateway", GATEWAY), *others("gateway")]) if "refused 12/s" in line]
    assert "limited 2.0/s" in line
    assert "shed 0/s" in line


def test_what_a_service_refuses_counts_too() -> None:
    refusing = observed("catalog", {'muster_refusals_total{code="not_found",route="/a"}': 15})
    text = "\n".join(shown([observed("gateway", GATEWAY), refusing, *others("gateway", "catalog")]))
    assert "refused 15/s" in text


def test_what_the_gateway_reaches_is_in_the_heading() -> None:
    heading = shown([observed("gateway", GATEWAY), *others("gateway")])[0]
    assert heading.endswith("6 of 6 processes answer · Redis there · circuits closed")


def test_an_open_circuit_and_redis_gone_are_named() -> None:
    broken = {**GATEWAY, 'muster_circuit_open{upstream="history"}': 1, "muster_redis_available": 0}
    text = "\n".join(shown([observed("gateway", broken), *others("gateway")]))
    assert "circuits history" in text
    assert "Redis gone" in text


def test_both_lanes_of_an_outbox_count_and_its_oldest_event_is_that_of_either() -> None:
    seen = events_of("catalog", [observed("catalog", CATALOG), *others("catalog")])
    assert seen == ["catalog", "1,210", "4.0", "s", "20", "7", "–", "–", "0", "there"]


def test_a_relay_without_its_broker_says_so() -> None:
    seen = events_of("catalog", [observed("catalog", {**CATALOG, "muster_relay_connected": 0}), *others("catalog")])
    assert seen[-1] == "gone"


def test_what_is_not_known_is_a_dash() -> None:
    seen = events_of("catalog", [*QUIET, *SERVERS])
    assert seen == ["catalog", *["–"] * 8]
    text = "\n".join(shown([*QUIET, *SERVERS]))
    assert "refused – · limited – · shed – · streams open –" in text
    assert "Redis – · circuits –" in text
    assert "seats      taken – · waitlisted – · refused –" in text
    assert "webhooks   waiting – · oldest – · delivered – · failed –" in text
    assert "imports    running – · waiting – · feed behind –" in text


def test_processes_that_do_not_answer_are_named() -> None:
    silent, ended = observed("catalog", None), observed("history", None, state="ended")
    seen = lines([silent, ended, *others("catalog", "history")])
    assert "no answer" in seen["catalog"]
    assert seen["history"].split() == ["history", "ended", *["–"] * 8]
    assert "4 of 6 processes answer" in seen["Muster"]


def test_what_could_not_be_asked_for_is_named() -> None:
    old = observed(
        "catalog", {'muster_metrics_sampled{sample="outbox"}': 0, 'muster_metrics_sampled{sample="queue"}': 1}
    )
    assert shown([old, *others("catalog")])[-1] == "old values outbox of catalog"


def test_seats_that_were_refused_are_those_of_any_code() -> None:
    decided = {
        'muster_seat_decisions_total{outcome="taken"}': 50,
        'muster_seat_decisions_total{outcome="waitlisted"}': 5,
        'muster_seat_decisions_total{outcome="session_full"}': 10,
        'muster_seat_decisions_total{outcome="already_enrolled"}': 5,
    }
    text = "\n".join(shown([observed("enrollment", decided), *others("enrollment")]))
    assert "taken 10/s · waitlisted 1.0/s · refused 3.0/s" in text


def test_a_tall_terminal_shows_the_busiest_routes() -> None:
    processes = [observed("gateway", GATEWAY), *others("gateway")]
    assert "/a" not in lines(processes)
    assert lines(processes, LINES + 3)["/a"].split() == ["/a", "GET", "1,202", "2.5", "ms", "5.0", "ms"]
    assert len(shown(processes, LINES + 3)) <= LINES + 3


def test_colours_are_for_what_is_wrong() -> None:
    def coloured(processes: list[Observed]) -> str:
        return rendered(frame(processes, NOW), colours=True)

    calm = coloured([observed("catalog", CATALOG), *others("catalog")])
    dead = coloured([observed("catalog", {**CATALOG, "muster_dead_letters": 2}), *others("catalog")])
    assert "\x1b[1;31m" not in calm
    assert "\x1b[1;31m" in dead
