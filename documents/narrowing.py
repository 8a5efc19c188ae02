"""How one JSON Schema is narrower than another, for what clients send, or promises less, for what they receive."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Any
Found = Iterator[tuple[str, str]]
"""What is narrower, in words, and what it is about."""

_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_AS_THEY_ARE: Final = ("pattern", "format", "multipleOf", "uniqueItems")
_NULL: Final = {"type": "null"}


class Narrowing:
    """Between two documents, whose references it follows."""

    def __init__(self, released: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._documents = (released, new)
        self._within: list[tuple[str, str]] = []
        """References that are being followed: a schema may hold itself."""

    def resolved(self, old: Schema, new: Schema) -> tuple[Schema, Schema]:
        return _resolved(old, self._documents[0]), _resolved(new, self._documents[1])

    def parameters(self, old: Any, new: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of two operations, by their names."""
        before, after = (
            [_resolved(each, document) for each in operation.get("parameters", ())]
            for operation, document in zip((old, new), self._documents, strict=True)
        )
        return {each["name"]: each for each in before}, {each["name"]: each for each in after}

    def of_request(self, old: Schema, new: Schema, name: str = "the body") -> Found:
        """What was taken and is refused now."""
        yield from self._compare(old, new, name, is_request=True)

    def of_response(self, old: Schema, new: Schema, name: str = "the answer") -> Found:
        """What was told and may be missing, `null` or of another kind now."""
        yield from self._compare(old, new, name, is_request=False)

    def _compare(self, old: Schema, new: Schema, name: str, *, is_request: bool) -> Found:
        followed = (str(old.get("$ref")), str(new.get("$ref")))
        if followed in self._within and followed != ("None", "None"):
            return
        self._within.append(followed)
        try:
            old, new = self.resolved(old, new)
            old_choices, new_choices = _choices(old), _choices(new)
            yield from _of_null(old_choices, new_choices, name, is_request)
            yield from self._of_choices(
                [each for each in old_choices if each != _NULL],
                [each for each in new_choices if each != _NULL],
                name,
                is_request,
            )
        finally:
            self._within.pop()

    def _of_choices(self, old: list[Schema], new: list[Schema], name: str, is_request: bool) -> Found:
        """A single one is compared as it is; of several, each needs one that is no narrower."""
        if len(old) == 1 and len(new) == 1:
            yield from self._of_one(*self.resolved(old[0], new[0]), name, is_request)
            return
        for choice in old:
            others = [list(self._compare(choice, other, name, is_request=is_request)) for other in new]
            if others and [] not in others:
                yield min(others, key=len)[0]

    def _of_one(self, old: Schema, new: Schema, name: str, is_request: bool) -> Found:
        if old.get("type") != new.get("type") and "type" in new:
            yield f"{name} is {new['type']} and not {old.get('type', 'anything')}", name
            return
        yield from _of_values(old, new, name)
        if is_request:
            yield from _of_bounds(old, new, name)
        yield from self._of_members(old, new, is_request)
        if "items" in old and "items" in new:
            yield from self._compare(old["items"], new["items"], name, is_request=is_request)

    def _of_members(self, old: Schema, new: Schema, is_request: bool) -> Found:
        before, after = old.get("properties", {}), new.get("properties", {})
        required = set(old.get("required", ())), set(new.get("required", ()))
        for member, schema in before.items():
            if member in after:
                yield from self._compare(schema, after[member], member, is_request=is_request)
            elif not (is_request and new.get("additionalProperties", True)):
                yield f"{member} is gone", member
        if is_request:
            yield from ((f"{member} is required", member) for member in sorted(required[1] - required[0]))
        else:
            lost = sorted((required[0] - required[1]) & set(after))
            yield from ((f"{member} may be missing", member) for member in lost)


def _resolved(schema: Schema, document: Mapping[str, Any]) -> Schema:
    """What a reference stands for, with what is written beside it."""
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found | {name: value for name, value in schema.items() if name != "$ref"}
    return schema


def _choices(schema: Schema) -> list[Schema]:
    """Of `SessionFields` and its like the choices are conditions beside the members, and no schemas of their own."""
    choices = schema.get("anyOf") or schema.get("oneOf")
    return [schema] if choices is None or "properties" in schema else list(choices)


def _of_null(old: list[Schema], new: list[Schema], name: str, is_request: bool) -> Found:
    if is_request and _NULL in old and _NULL not in new:
        yield f"{name} may not be null", name
    if not is_request and _NULL in new and _NULL not in old:
        yield f"{name} may be null", name


def _of_values(old: Schema, new: Schema, name: str) -> Found:
    before, after = _values(old), _values(new)
    if before is not None and after is not None:
        yield from ((f"{name} is never {value}", str(value)) for value in before if value not in after)
    elif after is not None:
        yield f"{name} is one of {', '.join(map(str, after))}", name


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _of_bounds(old: Schema, new: Schema, name: str) -> Found:
    for keyword in _LOWER:
        if keyword in new and new[keyword] > old.get(keyword, float("-inf")):
            yield f"{keyword} of {name} is {new[keyword]}", name
    for keyword in _UPPER:
        if keyword in new and new[keyword] < old.get(keyword, float("inf")):
            yield f"{keyword} of {name} is {new[keyword]}", name
    for keyword in _AS_THEY_ARE:
        if keyword in new and new[keyword] != old.get(keyword):
            yield f"{keyword} of {name} is {new[keyword]}", name
