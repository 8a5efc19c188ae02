"""Bodies and queries of every route: any JSON, any text, and only the declared refusals."""

import contextlib
import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from services.catalog import rules
from services.catalog.errors import StatusMoveForbidden
from services.catalog.schemas import CourseFields, SessionFields
from shared.errors import MalformedJson, ValidationFailed
from shared.http.body import is_media_type
from shared.http.idempotency_key import digest
from shared.http.models import JSON_TYPE, MergePatch, Query
from shared.http.pagination import MAX_PAGE, PagedQuery, training_links, training_meta
from shared.http.responses import failure
from shared.http.server.response_bytes import serialize
from shared.validation.known_members import invalid
from shared.validation.strict_json import MAX_DEPTH, parse_json
from tests.fuzz.effort import examples
from tests.fuzz.mutation import JSON, changed_members, mutated, mutated_bytes
from tests.support.routes import ALL, example_body

BODIES = sorted({d.route.body for d in ALL if d.route.body is not None}, key=lambda model: model.__name__)
QUERIES = sorted({d.route.query for d in ALL if d.route.query.model_fields}, key=lambda model: model.__name__)
TEXTS = mutated(st.sampled_from(["1", "15", "2026-05-15", "scheduled", "online", "a b", "7", "9223372036854775807"]))
COURSE = CourseFields.model_validate({**example_body(CourseFields), "duration_hours": 1})


def depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0)
    return 0


@examples
@given(
    mutated_bytes(
        st.sampled_from([json.dumps(example_body(model)).encode() for model in BODIES]) | st.binary(max_size=40)
    )
)
def test_bytes_are_json_or_malformed(body: bytes) -> None:
    try:
        value = parse_json(body)
    except MalformedJson as error:
        failure(error)
        return
    assert depth(value) <= MAX_DEPTH
    assert json.loads(body, parse_float=lambda _: None, parse_int=lambda _: None) is not ...


@examples
@given(model=st.sampled_from(BODIES), data=st.data())
def test_any_json_is_a_body_or_refused_by_name(model: type[BaseModel], data: st.DataObject) -> None:
    good = example_body(model)
    members = data.draw(changed_members(good, list(model.model_fields)) | st.dictionaries(st.text(max_size=5), JSON))
    try:
        body = model.model_validate(parse_json(json.dumps(members).encode()))
    except MalformedJson:
        return
    except ValidationError as error:
        assert_is_refusal(invalid(error))
        return
    assert len(digest(body.model_dump())) == 32
    if not issubclass(model, MergePatch):  # which is checked once it is merged
        assert_is_storable(body.model_dump(mode="json"))


@examples
@given(data=st.data())
def test_any_patch_changes_a_course_or_is_refused_by_name(data: st.DataObject) -> None:
    names = list(CourseFields.model_fields)
    patch = data.draw(changed_members({"title": "New"}, names))
    with contextlib.suppress(MalformedJson, ValidationFailed):
        assert isinstance(rules.changed_course(1, COURSE, parse_json(json.dumps(patch).encode())), CourseFields)


@examples
@given(data=st.data())
def test_any_patch_changes_a_session_or_is_refused_by_name(data: st.DataObject) -> None:
    session = SessionFields.model_validate(example_body(SessionFields))
    patch = data.draw(changed_members({"location": "New"}, list(SessionFields.model_fields)))
    with contextlib.suppress(MalformedJson, ValidationFailed, StatusMoveForbidden):
        assert isinstance(rules.changed_session(session, parse_json(json.dumps(patch).encode())), SessionFields)


@examples
@given(model=st.sampled_from(QUERIES), data=st.data())
def test_any_text_is_a_query_or_refused_by_name(model: type[Query], data: st.DataObject) -> None:
    names = st.sampled_from([*model.model_fields, "unknown", "page[]", ""])
    values = data.draw(st.dictionaries(names, TEXTS, max_size=3))
    try:
        query = model.model_validate(values)
    except ValidationError as error:
        assert_is_refusal(invalid(error))
        return
    assert set(values) <= set(model.model_fields)
    if isinstance(query, PagedQuery):
        assert_is_a_page(query)


def assert_is_refusal(error: ValidationFailed) -> None:
    """It names fields, and can be sent."""
    assert error.details["errors"]
    assert json.loads(serialize(failure(error)).body)["errors"] == error.details["errors"]


def assert_is_storable(value: Any) -> None:
    """PostgreSQL takes neither NUL nor lone surrogates, and no id beyond 64 bits."""
    text = json.dumps(value, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


def assert_is_a_page(query: PagedQuery) -> None:
    assert 1 <= query.page <= MAX_PAGE
    assert 1 <= query.per_page <= 100
    assert query.offset < 2**63
    assert training_meta(query, 10)["current_page"] == query.page
    links = training_links("http://muster.example/x", query, 10)
    assert links["first"] == f"http://muster.example/x?{urlencode({**query.filters, 'page': 1})}"


@examples
@given(
    mutated(
        st.sampled_from(["application/json", "application/json; charset=utf-8", 'application/json; charset="UTF-8"'])
    )
)
def test_a_media_type_is_json_or_not(content_type: str) -> None:
    assert not is_media_type(content_type, JSON_TYPE) or content_type.strip().lower().startswith("application/json")
