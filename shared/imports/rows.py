"""The cells of one record as the values of one line, nested as the body of a request would be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from shared.errors import MAX_ERRORS
from shared.imports.cells import Read, items
from shared.imports.columns import Field
from shared.imports.lines import LineError

Values = dict[str, Any]
Cells = Sequence[str]
_Put = Callable[[Values, Cells, list[LineError]], bool]
"""Adds one field to the values, or what is wrong with it to the errors; returns whether any of its cells was filled."""


class Rows:
    """Makes values of cells, by the places of their columns.

    An empty cell is `null` where that is allowed, and otherwise left out: the field has its default then, or is
    missing.
    """

    def __init__(self, fields: Iterable[Field], columns: Sequence[str]) -> None:
        self._puts = _puts(fields, {name: place for place, name in enumerate(columns)})

    def values(self, cells: Cells, errors: list[LineError]) -> Values:
        """Of the errors, the first `MAX_ERRORS` are added."""
        values: Values = {}
        for put in self._puts:
            put(values, cells, errors)
        del errors[MAX_ERRORS:]
        return values


def _puts(fields: Iterable[Field], places: Mapping[str, int]) -> list[_Put]:
    return [_put(field, places) for field in fields if any(name in places for name in field.columns())]


def _put(field: Field, places: Mapping[str, int]) -> _Put:
    if field.read is not None:
        return _simple(field, field.read, places[field.dotted])
    return _objects(field, places) if field.is_list else _object(field, _puts(field.members, places))


def _simple(field: Field, read: Read, place: int) -> _Put:
    name, dotted, is_nullable = field.name, field.dotted, field.is_nullable

    def put(values: Values, cells: Cells, errors: list[LineError]) -> bool:
        cell = cells[place]
        if cell:
            try:
                values[name] = read(cell)
            except ValueError as error:
                errors.append(LineError(dotted, str(error)))
            return True
        if is_nullable:
            values[name] = None
        return False

    return put


def _object(field: Field, members: Sequence[_Put]) -> _Put:
    """Without any filled cell there is no object."""
    name, is_nullable = field.name, field.is_nullable

    def put(values: Values, cells: Cells, errors: list[LineError]) -> bool:
        inner: Values = {}
        filled = [member(inner, cells, errors) for member in members]
        if any(filled):
            values[name] = inner
            return True
        if is_nullable:
            values[name] = None
        return False

    return put


def _objects(field: Field, places: Mapping[str, int]) -> _Put:
    """A list of objects: their members are lists side by side, each of as many items, or an empty cell for none."""
    members = [(member, places[member.dotted]) for member in field.members if member.dotted in places]

    def put(values: Values, cells: Cells, errors: list[LineError]) -> bool:
        filled = [(member, cells[place]) for member, place in members if cells[place]]
        if not filled:
            if field.is_nullable:
                values[field.name] = None
            return False
        try:
            values[field.name] = _listed([member for member, _ in members], _items_by_name(filled), errors)
        except ValueError as error:
            errors.append(LineError(field.dotted, str(error)))
        return True

    return put


def _items_by_name(filled: Iterable[tuple[Field, str]]) -> Mapping[str, list[str]]:
    """Raises `ValueError` where they are not equally many."""
    by_name = {member.name: items(cell) for member, cell in filled}
    if len({len(each) for each in by_name.values()}) > 1:
        raise ValueError(f"Must have as many items in each of its columns: {', '.join(by_name)}.")
    return by_name


def _listed(members: Sequence[Field], by_name: Mapping[str, list[str]], errors: list[LineError]) -> list[Values]:
    count = len(next(iter(by_name.values())))
    return [
        _item(members, {name: each[position] for name, each in by_name.items()}, position, errors)
        for position in range(count)
    ]


def _item(members: Iterable[Field], cells: Mapping[str, str], position: int, errors: list[LineError]) -> Values:
    values: Values = {}
    for member in members:
        cell = cells.get(member.name)
        if not cell:
            if member.is_nullable:
                values[member.name] = None
        elif member.read is not None:
            try:
                values[member.name] = member.read(cell)
            except ValueError as error:
                place = member.dotted.removesuffix(member.name)
                errors.append(LineError(f"{place}{position}.{member.name}", str(error)))
    return values
