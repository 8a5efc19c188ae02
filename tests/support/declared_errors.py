"""The errors that gateway and services can answer."""

import re
from collections.abc import Iterator
from importlib import import_module

from shared.errors import ApiError
from tests.support.papers import ROOT, listed, text_of

CODE_OF_CLASS = re.compile(r'^    code(: str)? = "', re.MULTILINE)


def subclasses(of: type[ApiError]) -> Iterator[type[ApiError]]:
    yield of
    for each in of.__subclasses__():
        yield from subclasses(each)


def error_classes() -> list[type[ApiError]]:
    """Wherever they are declared."""
    for file in listed("gateway/*.py", "services/*.py", "shared/*.py"):
        if CODE_OF_CLASS.search(text_of(file)):
            import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    return [error for error in subclasses(ApiError) if not error.__module__.startswith("tests.")]


def declared_codes() -> set[str]:
    return {error.code for error in error_classes()}
