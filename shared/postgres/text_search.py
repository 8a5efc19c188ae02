"""Finding texts by words, however they are spelled: each word occurs somewhere, in any order (contract, section 1).

What counts as the same spelling is defined once, by the function `searchable` of the services' migrations.
"""

from collections.abc import Mapping, Sequence

from shared.validation.fields import MAX_SEARCH_WORDS

_NAMES = tuple(f"word_{letter}" for letter in "abcdefgh"[:MAX_SEARCH_WORDS])
"""Of the parameters."""


def word_arguments(search: str | None) -> Mapping[str, str]:
    """The words of a search by the names of their parameters; none where nothing is searched for."""
    return dict(zip(_NAMES, (search or "").split(), strict=False))


def has_words(names: Sequence[str]) -> bool:
    return _NAMES[0] in names


def word_conditions(column: str) -> dict[str, str]:
    """By parameter, the condition that a word occurs in `column`, which holds `searchable` texts."""
    return {name: f"{column} LIKE containing(:{name})" for name in _NAMES}
