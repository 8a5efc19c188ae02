"""The lines below the tables, and what the heading says of the gateway."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from stack.metrics import names, words
from stack.metrics.observed import Observed, summed

BAD, WORRYING = "bold red", "yellow"
LABEL_WIDTH = 11


def summary(processes: Sequence[Observed]) -> Iterator[Text]:
    """A line each."""
    by_name = {each.name: each for each in processes}
    if gateway := by_name.get("gateway"):
        yield _gateway(gateway, summed(each.rate(names.REFUSALS) for each in processes))
    yield _line("seats", *_seats(processes))
    yield _line("webhooks", *_webhooks(processes))
    yield _line("imports", *_imports(processes))
    if not_sampled := _not_sampled(processes):
        old = "; ".join(f"{sample} of {', '.join(owners)}" for sample, owners in not_sampled.items())
        yield _line("old values", Text(old, WORRYING))


def _line(label: str, *parts: Text) -> Text:
    line = Text(f"{label:<{LABEL_WIDTH}}", no_wrap=True, overflow="ellipsis")
    return line.append_text(Text(" · ").join(parts))


def _said(what: str, figure: str, style: str = "") -> Text:
    text = Text(f"{what} ")
    return text.append(figure, "dim" if figure.startswith(words.MISSING) else style)


def _per_second(value: float | None) -> str:
    return f"{words.rate(value)}/s" if value is not None else words.MISSING


def _gateway(gateway: Observed, refused: float | None) -> Text:
    """`refused` is of all processes: the gateway does not count again what a service has refused."""
    limited, shed = (gateway.rate(name) for name in (names.RATE_LIMITED, names.SHED))
    return _line(
        "gateway",
        _said("refused", _per_second(refused)),
        _said("limited", _per_second(limited)),
        _said("shed", _per_second(shed), BAD if shed else ""),
        _said("streams open", words.count(gateway.now(names.STREAMS))),
    )


def reached(gateway: Observed) -> Text:
    """Whether the gateway reaches Redis and the services."""
    redis, circuits = gateway.now(names.REDIS_AVAILABLE), gateway.values(names.CIRCUIT_OPEN, "upstream")
    away = ", ".join(sorted(upstream for upstream, value in circuits.items() if value))
    return Text(" · ").join(
        (
            _said("Redis", words.MISSING if redis is None else "there" if redis else "gone", "" if redis else BAD),
            _said("circuits", away or ("closed" if circuits else words.MISSING), BAD if away else ""),
        )
    )


def _seats(processes: Sequence[Observed]) -> Iterator[Text]:
    decided = summed(each.rate(names.SEATS) for each in processes)
    taken, waitlisted = (
        summed(each.rate(names.SEATS, outcome=outcome) for each in processes) for outcome in ("taken", "waitlisted")
    )
    refused = None if decided is None else max(decided - (taken or 0.0) - (waitlisted or 0.0), 0.0)
    yield _said("taken", _per_second(taken))
    yield _said("waitlisted", _per_second(waitlisted))
    yield _said("refused", _per_second(refused))


def _webhooks(processes: Sequence[Observed]) -> Iterator[Text]:
    delivered, failed = (
        summed(each.rate(names.WEBHOOK_ATTEMPTS, outcome=outcome) for each in processes)
        for outcome in ("delivered", "failed")
    )
    yield _said("waiting", words.count(summed(each.now(names.WEBHOOKS_WAITING) for each in processes)))
    yield _said("oldest", words.waiting(summed(each.now(names.WEBHOOK_OLDEST) for each in processes)))
    yield _said("delivered", _per_second(delivered))
    yield _said("failed", _per_second(failed), WORRYING if failed else "")


def _imports(processes: Sequence[Observed]) -> Iterator[Text]:
    for status in ("running", "waiting"):
        yield _said(status, words.count(summed(each.now(names.IMPORTS, status=status) for each in processes)))
    yield _said("feed behind", words.waiting(summed(each.now(names.FEED_HORIZON) for each in processes)))


def _not_sampled(processes: Sequence[Observed]) -> dict[str, list[str]]:
    """What could not be asked for: by what it is, the processes that have asked."""
    failed: dict[str, list[str]] = {}
    for each in processes:
        for sample, value in each.values(names.SAMPLED, "sample").items():
            if not value:
                failed.setdefault(sample, []).append(each.name)
    return failed
