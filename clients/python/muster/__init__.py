"""A client of Muster, and the `muster` command.

Names are loaded when they are used: the command needs few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from muster.version import __version__ as __version__

if TYPE_CHECKING:
    from muster.arguments import OMIT as OMIT
    from muster.client import AsyncMuster as AsyncMuster
    from muster.client import Muster as Muster
    from muster.errors import ApiError as ApiError
    from muster.errors import MusterError as MusterError
    from muster.event import Event as Event

_HOMES = {
    "OMIT": "muster.arguments",
    "ApiError": "muster.errors",
    "AsyncMuster": "muster.client",
    "Event": "muster.event",
    "Muster": "muster.client",
    "MusterError": "muster.errors",
}
__all__ = ["OMIT", "ApiError", "AsyncMuster", "Event", "Muster", "MusterError", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
