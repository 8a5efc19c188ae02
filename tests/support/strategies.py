"""Hypothesis' ways to every event there is."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from annotated_types import Ge, Le
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from shared.events.states import Judgement, State
from shared.events.types import STATE_OF, Event
from shared.observability import NO_TRACE, Trace, new_traceparent
from shared.validation.fields import MAX_ID

IDS = st.integers(1, MAX_ID)
SCORES = st.decimals(0, 100, places=2)
DECIMALS = {
    "score": SCORES,
    "pass_score": SCORES,
    "duration_hours": st.decimals(0, 10_000, places=2),
    "cost_per_participant": st.decimals(0, Decimal("9999999999.99"), places=2),
}
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))
WITH_STATE = Trace("request-0002", new_traceparent(), "rojo=00f067aa0ba902b7")
TRACES = st.sampled_from([NO_TRACE, Trace("request-0001", new_traceparent()), WITH_STATE])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value, and with NaN and the infinities some that JSON does not have."""


def states(model: type[State]) -> st.SearchStrategy[State]:
    return st.builds(model, **{name: _field(name, field) for name, field in model.model_fields.items()})


def _field(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    if name in DECIMALS:
        return st.none() | DECIMALS[name]
    bounds = tuple(bound for bound in field.metadata if isinstance(bound, Ge | Le))
    annotation: Any = Annotated[(field.annotation, *bounds)] if bounds else field.annotation
    return st.from_type(annotation)


st.register_type_strategy(datetime, MOMENTS)
st.register_type_strategy(str, st.text(st.characters(codec="utf-8", exclude_characters="\0")))
st.register_type_strategy(Judgement, st.builds(Judgement, pass_score=st.none() | SCORES))


# Once: Hypothesis checks each strategy that it meets for the first time, which takes longer than to draw from it.
_EVENTS = {
    event_type: st.builds(event_type, organisation_id=IDS, data=states(model), trace=TRACES)
    for event_type, model in STATE_OF.items()
}


def events(event_type: type[Event[State]]) -> st.SearchStrategy[Event[State]]:
    return _EVENTS[event_type]


ANY_EVENT = st.sampled_from(list(STATE_OF)).flatmap(events)
