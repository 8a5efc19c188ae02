"""The pages say what the code says: links, sections, decisions and names lead somewhere, and codes and fields agree."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

import services.catalog.api
import services.enrollment.api
import services.history.api
from gateway.auth.users import ROLES
from gateway.edge.auth_endpoints import ENDPOINTS
from gateway.settings import GatewaySettings
from services.catalog.settings import CatalogSettings
from services.enrollment.settings import EnrollmentSettings
from services.history.settings import HistorySettings
from shared.errors import ApiError
from shared.events.types import (
    STATE_OF,
    CertificationState,
    CourseState,
    EmployeeState,
    EnrollmentState,
    SessionState,
)
from shared.http.server.app import HEALTH_PATHS

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "contract.md"
DECISIONS = ROOT / "docs" / "decisions"
CODE = ("gateway", "services", "shared", "stack", "deploy")

LINK = re.compile(r"\]\(([^)\s]*)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NUMBERS = r"(\d+(?:(?:, | and |, and )\d+)*)"
SECTION = re.compile(rf"\bcontract,? \(?sections? {NUMBERS}", re.IGNORECASE)
DECISION = re.compile(rf"\bdecisions? {NUMBERS}", re.IGNORECASE)
PRINCIPLE = re.compile(rf"\bprinciples? {NUMBERS}", re.IGNORECASE)
PAGE = re.compile(r"(?<![\w/.<*-])(?:[\w-]+/)*[\w-]+\.md\b")
NAME_IN_FILE = re.compile(r"`([\w.]+)`(?: and `([\w.]+)`)? in `([^`]+)`")
CODE_OF_CLASS = re.compile(r'^    code(: str)? = "', re.MULTILINE)


@cache
def listed(*patterns: str) -> tuple[Path, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(ROOT / name for name in names.splitlines() if (ROOT / name).is_file())


PAGES = listed("*.md")
SOURCES = listed("*.py", "*.sql", "*.lua", "*.toml", "dev")


@cache
def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def one_line(text: str) -> str:
    """So that what is wrapped, in a comment too, is found."""
    return re.sub(r"\s*\n\s*(?:#|--|>)?\s*", " ", text)


def anchors(page: Path) -> set[str]:
    """Of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text_of(page)), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def broken_links(page: Path, text: str) -> list[str]:
    return [target for target in LINK.findall(FENCED.sub("", text)) if not leads_somewhere(page, target)]


def leads_somewhere(page: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True  # somebody else's address
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    return file.exists() and (not anchor or anchor in anchors(file))


def cited(pattern: re.Pattern[str], text: str) -> set[int]:
    return {int(number) for group in pattern.findall(one_line(text)) for number in re.findall(r"\d+", group)}


def sections() -> set[int]:
    return {int(number) for number in re.findall(r"^## (\d+)\. ", text_of(CONTRACT), re.MULTILINE)}


def decisions() -> set[int]:
    return {int(page.name[:4]) for page in DECISIONS.glob("*.md")}


def principles() -> set[int]:
    text = text_of(ROOT / "docs" / "architecture.md").partition("## Principles")[2]
    return {int(number) for number in re.findall(r"^(\d+)\. \*\*", text, re.MULTILINE)}


def wrong_citations(text: str) -> list[str]:
    """Sections of the contract, decisions and principles of the architecture that there are not."""
    known = (
        ("section", SECTION, sections()),
        ("decision", DECISION, decisions()),
        ("principle", PRINCIPLE, principles()),
    )
    return [f"{kind} {number}" for kind, pattern, there in known for number in sorted(cited(pattern, text) - there)]


def enforced_by(text: str) -> str:
    """The paragraph of a decision that says what enforces it."""
    return one_line(text.partition("**Enforced by**")[2].partition("\n\n")[0])


def missing_names(paragraph: str) -> list[str]:
    """Files that are not there, names that stand nowhere in the code, or not in the file that is said."""
    names = [name for name in re.findall(r"`([^`]+)`", paragraph) if not name.startswith("./dev ")]
    missing = [name for name in names if not any(ROOT.glob(name)) and not is_named_in(listed(*CODE), name)]
    for first, second, file in NAME_IN_FILE.findall(paragraph):
        there = [ROOT / file] if (ROOT / file).is_file() else []
        missing += [f"{name} in {file}" for name in (first, second) if name and not is_named_in(there, name)]
    return missing


def is_named_in(files: Sequence[Path], name: str) -> bool:
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return any(name in text_of(file) and word.search(text_of(file)) for file in files)


def subclasses(of: type[ApiError]) -> Iterator[type[ApiError]]:
    yield of
    for each in of.__subclasses__():
        yield from subclasses(each)


def declared_errors() -> set[tuple[int, str]]:
    """Status and code of every error that gateway and services can answer."""
    for file in listed("gateway/*.py", "services/*.py", "shared/*.py"):
        if CODE_OF_CLASS.search(text_of(file)):
            import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    ours = [error for error in subclasses(ApiError) if not error.__module__.startswith("tests.")]
    return {(error.status, error.code) for error in ours}


def documented_errors() -> set[tuple[int, str]]:
    table = text_of(CONTRACT).partition("### Errors")[2].partition("###")[0]
    return {(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", table, re.MULTILINE)}


def documented_states() -> dict[str, list[str]]:
    """The fields of each kind of `data` in section 6."""
    table = text_of(CONTRACT).partition("| `data` of | fields |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| an? (\w+) \| (.+) \|$", table, re.MULTILINE)
    nested = re.compile(r"\[\{.*?\}\]|\{.*?\}|\[.*?\]|\(.*?\)")
    return {kind: re.findall(r"[a-z_]+", nested.sub("", fields).replace(r"\|null", "")) for kind, fields in rows}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert broken_links(page, text_of(page)) == []


def test_what_is_cited_is_there() -> None:
    wrong = {file: wrong_citations(text_of(file)) for file in (*PAGES, *SOURCES) if file != Path(__file__)}
    assert {str(file.relative_to(ROOT)): each for file, each in wrong.items() if each} == {}


def test_pages_that_the_code_names_are_there() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in SOURCES
        if file != Path(__file__)
        for name in PAGE.findall(text_of(file))
        if not any((folder / name).exists() for folder in (ROOT, ROOT / "docs", file.parent))
    }
    assert wrong == set()


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("*.md")), ids=lambda page: page.name)
def test_a_decision_has_its_number_and_is_enforced_by_what_it_says(page: Path) -> None:
    text = text_of(page)
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert enforced_by(text)
    assert missing_names(enforced_by(text)) == []


def test_the_contract_has_every_error_and_no_other() -> None:
    assert documented_errors() == declared_errors()


def test_the_contract_has_every_event_and_no_other() -> None:
    table = text_of(CONTRACT).partition("| routing key |")[2].partition("\n\n")[0]
    keys = [key for row in table.splitlines() for key in re.findall(r"`([a-z_]+\.[a-z_]+)`", row.split(" | ")[0])]
    assert sorted(keys) == sorted(event_type.type for event_type in STATE_OF)


def test_the_contract_has_every_route() -> None:
    routes = [*services.catalog.api.ROUTES, *services.enrollment.api.ROUTES, *services.history.api.ROUTES]
    paths = {route.path for route in routes if not route.is_internal} | set(ENDPOINTS) | set(HEALTH_PATHS)
    told = set(re.findall(r"(?:[A-Z]+ )?((?:…|/)[\w/{}.-]+)", text_of(CONTRACT)))
    missing = {path for path in paths if not told & {path, path.replace("/api/v1/training", "…")}}
    assert missing == set()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("course", CourseState),
        ("session", SessionState),
        ("person", EmployeeState),
        ("enrollment", EnrollmentState),
        ("completion", CertificationState),
    ],
)
def test_the_contract_has_every_field_of_an_event(kind: str, state: type[BaseModel]) -> None:
    assert documented_states()[kind] == list(state.model_fields)


def test_the_contract_has_the_roles_of_the_built_in_issuer() -> None:
    table = text_of(CONTRACT).partition("| role |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([\w ]+)` \| (.+) \|$", table, re.MULTILINE)
    documented = {role: {"api.access", *re.findall(r"`([\w.]+)`", permissions)} for role, permissions in rows}
    assert documented == {role: set(permissions) for role, permissions in ROLES.items()}


def test_operators_are_told_of_every_setting_and_no_other() -> None:
    table = text_of(ROOT / "docs" / "operations.md").partition("| setting |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines()[2:] for name in re.findall(r"`([A-Z_]+)`", row.split(" | ")[0])}
    all_settings = (GatewaySettings, CatalogSettings, EnrollmentSettings, HistorySettings)
    assert told == {name.upper() for settings in all_settings for name in settings.model_fields}


@pytest.mark.parametrize("target", ["nowhere.md", "faults.md#no-such-heading", "#no-such-heading", "../nowhere/"])
def test_control_a_broken_link_is_noticed(target: str) -> None:
    text = f"see [it]({target}), [faults](faults.md#what-must-be-true), [us](https://example.org/x)"
    assert broken_links(ROOT / "docs" / "page.md", text) == [target]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("the table (contract, section 9)", ["section 9"]),
        ("the table (contract,\n    section 9)", ["section 9"]),
        ("contract, sections 1 and 9", ["section 9"]),
        ("-- kept (decision 99)", ["decision 99"]),
        ("architecture, principles 2, 3 and 99", ["principle 99"]),
        ("contract, section 3; RFC 9110, section 13; decision 4", []),
    ],
)
def test_control_a_wrong_citation_is_noticed(text: str, wrong: list[str]) -> None:
    assert wrong_citations(text) == wrong


@pytest.mark.parametrize(
    ("paragraph", "missing"),
    [
        ("`learn_session_by_name`.", ["learn_session_by_name"]),
        ("`shared/nowhere.py`.", ["shared/nowhere.py"]),
        ("`add` and `postpone` in `shared/messaging/relay.py`.", ["add in shared/messaging/relay.py"]),
        ("`add` and `postpone` in `shared/messaging/outbox.py`.", []),
    ],
)
def test_control_a_name_that_is_not_there_is_noticed(paragraph: str, missing: list[str]) -> None:
    assert missing_names(paragraph) == missing


def test_control_citations_are_found() -> None:
    assert len([file for file in SOURCES if cited(SECTION, text_of(file))]) > 50
    assert sections() == {1, 2, 3, 4, 5, 6}
    assert len(principles()) == 12
