"""The wheel of clients/python, installed where nothing else of the repository is."""

import asyncio
import os
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from muster import __version__
from tests.support.client import Client
from tests.support.eventually import DEADLINE
from tests.support.importing import people, people_file
from tests.support.muster_command import PACKAGE
from tests.support.papers import ROOT

SITE_PACKAGES = Path(str(distribution("httpx").locate_file("")))
"""What the client needs is installed there: a test downloads nothing."""


async def run(*command: str, cwd: Path, **variables: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={"PATH": os.defpath, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(2 * DEADLINE):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
async def wheel(tmp_path: Path) -> Path:
    """Made by the backend that pip would have downloaded."""
    code = f"import sys, flit_core.buildapi as b; print(b.build_wheel({str(tmp_path)!r}))"
    status, output = await run(sys.executable, "-c", code, cwd=PACKAGE, HOME=str(tmp_path))
    assert status == 0, output
    return tmp_path / output.splitlines()[-1]


async def test_the_wheel_has_the_package_alone(wheel: Path) -> None:
    assert wheel.name == f"muster_client-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    modules = {
        str(file.relative_to(PACKAGE))
        for file in (PACKAGE / "muster").rglob("*")
        if file.is_file() and file.parent.name != "__pycache__"
    }
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert modules >= {"muster/py.typed", "muster/resources/courses.py", "muster/models/courses.py"}


async def test_it_installs_by_itself_and_works(admin: Client, wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    await asyncio.to_thread(venv.create, place, with_pip=False)
    python = str(place / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    status, output = await run(*pip, "install", "--no-index", "--no-deps", str(wheel), cwd=tmp_path, HOME=str(tmp_path))
    assert status == 0, output
    [own] = place.glob("lib/python*/site-packages")
    (own / "others.pth").write_text(f"{SITE_PACKAGES}\n")
    status, output = await run(str(place / "bin" / "muster"), "--version", cwd=tmp_path)
    assert (status, output) == (0, f"muster {__version__}\n")
    (tmp_path / "people.csv").write_text(people_file(*people([1, 2])))
    assert admin.token is not None
    variables = {"MUSTER_URL": admin.url, "MUSTER_TOKEN": admin.token}
    status, output = await run(str(place / "bin" / "muster"), "import", "people.csv", cwd=tmp_path, **variables)
    assert (status, "2 created" in output) == (0, True), output


def test_its_version_and_needs_are_those_of_its_metadata() -> None:

    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    needed = {each.split(">")[0] for each in project["dependencies"]}
    assert needed == {"httpx", "pydantic", "rich", "typer"}
