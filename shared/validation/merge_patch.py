"""Changes as JSON Merge Patch (RFC 7396)."""

from collections.abc import Iterator
from typing import Any


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7396, section 2: members of `patch` replace those of `document`, `null` removes one."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def texts_of(value: Any) -> Iterator[str]:
    """All texts of a document. What stays as it is stays allowed, whatever new texts may be."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_of(each)
