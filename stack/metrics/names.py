"""The metrics that the screen shows. docs/operations.md says what each of them means."""

from typing import Final

REQUESTS: Final = "http_server_request_duration_seconds"
IN_FLIGHT: Final = "muster_requests_in_flight"
IN_FLIGHT_LIMIT: Final = "muster_requests_in_flight_limit"
LOOP_LAG: Final = "muster_event_loop_lag_seconds"
START_TIME: Final = "process_start_time_seconds"
SAMPLED: Final = "muster_metrics_sampled"

REFUSALS: Final = "muster_refusals_total"
RATE_LIMITED: Final = "muster_rate_limited_total"
SHED: Final = "muster_shed_total"
CIRCUIT_OPEN: Final = "muster_circuit_open"
REDIS_AVAILABLE: Final = "muster_redis_available"
STREAMS: Final = "muster_streams_open"

OUTBOX_WAITING: Final = "muster_outbox_waiting"
OUTBOX_OLDEST: Final = "muster_outbox_oldest_seconds"
PUBLISHED: Final = "muster_relay_published_total"
RELAY_CONNECTED: Final = "muster_relay_connected"
QUEUE: Final = "muster_queue_messages"
APPLIED: Final = "muster_consumer_applied_total"
CONSUMER_CONNECTED: Final = "muster_consumer_connected"
PROJECTION_LAG: Final = "muster_projection_lag_seconds"
DEAD_LETTERS: Final = "muster_dead_letters"

SEATS: Final = "muster_seat_decisions_total"
WEBHOOK_ATTEMPTS: Final = "muster_webhook_attempts_total"
WEBHOOKS_WAITING: Final = "muster_webhooks_waiting"
WEBHOOK_OLDEST: Final = "muster_webhook_oldest_seconds"
FEED_HORIZON: Final = "muster_feed_horizon_seconds"
IMPORTS: Final = "muster_imports"

WANTED: Final = frozenset(
    {
        *(REQUESTS, IN_FLIGHT, IN_FLIGHT_LIMIT, LOOP_LAG, START_TIME, SAMPLED),
        *(REFUSALS, RATE_LIMITED, SHED, CIRCUIT_OPEN, REDIS_AVAILABLE, STREAMS),
        *(OUTBOX_WAITING, OUTBOX_OLDEST, PUBLISHED, RELAY_CONNECTED),
        *(QUEUE, APPLIED, CONSUMER_CONNECTED, PROJECTION_LAG, DEAD_LETTERS),
        *(SEATS, WEBHOOK_ATTEMPTS, WEBHOOKS_WAITING, WEBHOOK_OLDEST, FEED_HORIZON, IMPORTS),
    }
)
