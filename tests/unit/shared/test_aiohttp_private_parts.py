"""aiohttp's private parts are known by name, used in one module, and there in the version that is installed."""

import ast
import tomllib
from importlib.metadata import version
from pathlib import Path

import aiohttp.web_protocol
import pytest
from aiohttp import web
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
PRODUCT = [path for folder in ("gateway", "services", "shared") for path in sorted((ROOT / folder).rglob("*.py"))]
HERE = ROOT / "shared/http/server/connection.py"
PRIVATE_PARTS = frozenset(
    {
        "_buffer_paused",
        "_close",
        "_drain_helper",
        "_loop",
        "_make_error_handler",
        "_max_msg_queue_size",
        "_message_tail",
        "_messages",
        "_msg_queue_resume_size",
        "_next_keepalive_close_time",
        "_parser",
        "_pause_transport_reading",
        "_paused",
        "_process_keepalive",
        "_reading_paused",
        "_request_count",
        "_resume_transport_reading",
        "_upgraded",
        "_waiter",
    }
)
"""Of `RequestHandler`, beside `_ErrInfo`."""


@pytest.mark.parametrize("name", sorted(PRIVATE_PARTS))
def test_a_private_part_is_there(name: str) -> None:
    assert hasattr(web.RequestHandler, name), f"aiohttp {version('aiohttp')} has taken away RequestHandler.{name}"


def test_the_marker_of_what_is_no_request_is_there() -> None:
    has_it = hasattr(aiohttp.web_protocol, "_ErrInfo")
    assert has_it, f"aiohttp {version('aiohttp')} has taken away web_protocol._ErrInfo"


def test_all_that_are_used_are_known_by_name() -> None:
    assert private_parts_in(HERE.read_text(encoding="utf-8")) == PRIVATE_PARTS


def test_no_other_module_uses_any() -> None:
    using = [path for path in PRODUCT if private_imports_in(path.read_text(encoding="utf-8"))]
    assert using == [HERE]


def test_control_another_use_is_noticed() -> None:
    source = HERE.read_text(encoding="utf-8")
    assert private_parts_in(source + "\n\ndef more(handler):\n    handler._current_request\n") > PRIVATE_PARTS
    assert private_imports_in("from aiohttp.web_protocol import _PAYLOAD_ACCESS_ERROR")


def test_no_version_is_let_in_that_was_not_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [aiohttp_] = [each for each in map(Requirement, project["dependencies"]) if each.name == "aiohttp"]
    minor = ".".join(version("aiohttp").split(".")[:2])
    following = f"{minor.split('.')[0]}.{int(minor.split('.')[1]) + 1}.0"
    assert aiohttp_.specifier.contains(version("aiohttp"))
    assert not aiohttp_.specifier.contains(following)


def private_parts_in(source: str) -> frozenset[str]:
    """Names with an underscore that are RequestHandler's: attributes that are used and methods that are overridden."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    private = {name for name in names if name.startswith("_") and not name.startswith("__")}
    return frozenset(name for name in private if hasattr(web.RequestHandler, name))


def private_imports_in(source: str) -> list[str]:
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    of_aiohttp = [node for node in imports if (node.module or "").partition(".")[0] == "aiohttp"]
    return [alias.name for node in of_aiohttp for alias in node.names if alias.name.startswith("_")]
