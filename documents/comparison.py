"""What clients of one document could rely on and can no longer by another: what was removed or narrowed.

Requests may only be taken more widely, and responses may only say more. A new value of an enumeration in a response is
nothing that was removed, so it is not counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from documents.narrowing import Narrowing

_METHODS: Final = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True, order=True)
class Break:
    """`subject` is what has to be named where the break is described: an operation, a parameter, a member, a value."""

    place: str
    what: str
    subject: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def breaks(released: Mapping[str, Any], new: Mapping[str, Any]) -> list[Break]:
    """In the order of their places, each once."""
    found = set[Break]()
    for path, methods in released["paths"].items():
        for method in _METHODS:
            if method in methods:
                place = f"{method.upper()} {path}"
                successor = new["paths"].get(path, {}).get(method)
                found.update(_of_operation(place, methods[method], successor, Narrowing(released, new)))
    return sorted(found)


def _of_operation(place: str, old: Any, new: Any, narrowing: Narrowing) -> Iterator[Break]:
    if new is None:
        yield Break(place, "is gone", place)
        return
    for lost in sorted(set(old.get("x-permissions", ())) - set(new.get("x-permissions", ()))):
        if new.get("x-permissions"):
            yield Break(place, f"the permission {lost} is not enough", lost)
    yield from _of_parameters(place, old, new, narrowing)
    yield from _of_body(place, old, new, narrowing)
    for status, answer in old["responses"].items():
        yield from _of_answer(f"{place}: {status}", status, answer, new["responses"].get(status), narrowing)


def _of_parameters(place: str, old: Any, new: Any, narrowing: Narrowing) -> Iterator[Break]:
    before, after = narrowing.parameters(old, new)
    for name, parameter in before.items():
        if name not in after:
            yield Break(place, f"the parameter {name} is gone", name)
        else:
            for what, subject in narrowing.of_request(parameter["schema"], after[name]["schema"], name):
                yield Break(place, what, subject)
    for name, parameter in after.items():
        if parameter.get("required") and not before.get(name, {}).get("required"):
            yield Break(place, f"the parameter {name} is required", name)


def _of_body(place: str, old: Any, new: Any, narrowing: Narrowing) -> Iterator[Break]:
    before, after = old.get("requestBody"), new.get("requestBody")
    if after is not None and after.get("required") and not (before or {}).get("required"):
        yield Break(place, "a body is required", place)
    if before is None:
        return
    if after is None:
        yield Break(place, "takes no body", place)
        return
    for media_type, content in before["content"].items():
        if media_type not in after["content"]:
            yield Break(place, f"takes no {media_type}", media_type)
            continue
        for what, subject in narrowing.of_request(content["schema"], after["content"][media_type]["schema"]):
            yield Break(place, what, subject)


def _of_answer(place: str, status: str, old: Any, new: Any, narrowing: Narrowing) -> Iterator[Break]:
    if new is None:
        yield Break(place, "is not answered", status)
        return
    before, after = narrowing.resolved(old, new)
    for name in before.get("headers", {}):
        if name not in after.get("headers", {}):
            yield Break(place, f"the header {name} is gone", name)
    for media_type, content in before.get("content", {}).items():
        successor = after.get("content", {}).get(media_type)
        if successor is None:
            yield Break(place, f"is not answered as {media_type}", media_type)
            continue
        for what, subject in narrowing.of_response(content["schema"], successor["schema"]):
            yield Break(place, what, subject)
