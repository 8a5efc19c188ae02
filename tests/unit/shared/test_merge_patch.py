"""Merging changes (RFC 7396)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.validation.merge_patch import merge_patch

# The cases of RFC 7396, appendix A.
APPENDIX = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(("document", "patch", "result"), APPENDIX)
def test_a_patch_is_merged_as_the_rfc_shows(document: Any, patch: Any, result: Any) -> None:
    assert merge_patch(document, patch) == result


@given(JSON, JSON)
def test_merging_twice_is_merging_once(document: Any, patch: Any) -> None:
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once


@given(st.dictionaries(st.text(max_size=2), JSON, max_size=4))
def test_an_empty_patch_changes_nothing(document: dict[str, Any]) -> None:
    assert merge_patch(document, {}) == document


@given(st.dictionaries(st.text(max_size=2), JSON, max_size=4), JSON)
def test_merging_leaves_the_document_itself_alone(document: dict[str, Any], patch: Any) -> None:
    before = repr(document)
    merge_patch(document, patch)
    assert repr(document) == before
