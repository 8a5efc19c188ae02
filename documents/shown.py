"""Examples at the places of the document that they are examples of."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from documents.examples import EXAMPLES, Example
from shared.http.routing import Route

Schema = dict[str, Any]


@dataclass(frozen=True)
class Examples:
    """Those of one route, by their names."""

    found: Mapping[str, Example]

    def of_status(self, status: int) -> Schema:
        """Answers with the status, as a media type has them."""
        return self._shown(
            {name: json.loads(each.answer) for name, each in self.found.items() if each.status == status}
        )

    def of_body(self) -> Schema:
        return self._shown({name: each.body for name, each in self.found.items() if each.body is not None})

    def of_parameters(self, parameters: list[Schema]) -> list[Schema]:
        """The parameters, each with the value that an example has for it."""
        values = {key: value for each in self.found.values() for key, value in _values(each).items()}
        return [self._with_value(parameter, values) for parameter in parameters]

    @staticmethod
    def _with_value(parameter: Schema, values: Mapping[str, str]) -> Schema:
        value = values.get(parameter.get("name", ""))
        if value is None:
            return parameter
        is_number = parameter["schema"].get("type") == "integer"
        return parameter | {"example": int(value) if is_number else value}

    @staticmethod
    def _shown(values: Mapping[str, Any]) -> Schema:
        shown = {_key(name): {"summary": name.capitalize(), "value": value} for name, value in values.items()}
        return {"examples": shown} if shown else {}


def examples_of(route: Route[Any, Any]) -> Examples:
    return Examples({name: each for name, each in EXAMPLES.items() if _is_of(each, route)})


def _is_of(example: Example, route: Route[Any, Any]) -> bool:
    path = example.path.partition("?")[0]
    return example.method == route.method and re.sub(r"/[0-9]+(?=/|\Z)", "/{id}", path) == route.path


def _values(example: Example) -> dict[str, str]:
    """Of the parameters in its address; the path has one at most."""
    path, _, query = example.path.partition("?")
    own = re.search(r"/([0-9]+)(?=/|\Z)", path)
    return {**({"id": own[1]} if own else {}), **dict(parse_qsl(query))}


def _key(name: str) -> str:
    first, *others = name.split()
    return first + "".join(word.capitalize() for word in others)
