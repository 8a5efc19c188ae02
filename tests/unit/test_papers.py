"""The pages say what the code says: links, sections, decisions and names lead somewhere, and codes and fields agree."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.settings import GatewaySettings
from services.accounts.oauth_errors import OAuthError
from services.accounts.roles import ROLES
from shared.errors import ApiError
from shared.events.states import (
    CertificationState,
    CourseState,
    EmployeeState,
    EnrollmentState,
    RequirementState,
    SessionState,
    SettingsState,
)
from shared.events.types import STATE_OF
from shared.http.server.app import HEALTH_PATHS
from tests.support.declared_errors import error_classes, subclasses
from tests.support.papers import (
    DECISIONS,
    PAGES,
    ROOT,
    SOURCES,
    anchors,
    headings,
    is_in,
    linked_files,
    links,
    missing_names,
    name_of,
    names_of_linked_files,
    one_line,
    section,
    text_of,
)
from tests.support.services import DECLARED, ROUTES

CONTRACT = ROOT / "docs" / "contract.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DECISION_HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]

NUMBERS = r"(\d+(?:(?:, | and |, and )\d+)*)"
SECTION = re.compile(rf"\bcontract,? \(?sections? {NUMBERS}", re.IGNORECASE)
SECTION_OF_THIS_PAGE = re.compile(rf"(?<!\d, )\bsections? {NUMBERS}", re.IGNORECASE)
DECISION = re.compile(rf"\bdecisions? {NUMBERS}", re.IGNORECASE)
PRINCIPLE = re.compile(rf"\bprinciples? {NUMBERS}", re.IGNORECASE)
PAGE = re.compile(r"(?<![\w/.<*-])(?:[\w-]+/)*[\w-]+\.md\b")


def broken_links(page: Path, text: str) -> list[str]:
    return [target for target in links(text) if not leads_somewhere(page, target)]


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
    return {int(page.name[:4]) for page in decision_pages()}


def decision_pages() -> list[Path]:
    return sorted(DECISIONS.glob("[0-9]*.md"))


def principles() -> set[int]:
    text = section(text_of(ARCHITECTURE), "## Principles")
    return {int(number) for number in re.findall(r"^(\d+)\. \*\*", text, re.MULTILINE)}


def wrong_citations(text: str) -> list[str]:
    """Sections of the contract, decisions and principles of the architecture that there are not."""
    known = (
        ("section", SECTION, sections()),
        ("decision", DECISION, decisions()),
        ("principle", PRINCIPLE, principles()),
    )
    return [f"{kind} {number}" for kind, pattern, there in known for number in sorted(cited(pattern, text) - there)]


def vague_lines(enforced_by: str) -> list[str]:
    """Items that name neither a file nor a name in a file."""
    items = re.split(r"^- ", enforced_by, flags=re.MULTILINE)[1:]
    return [item.strip() for item in items if not re.search(r"`[\w.*-]+/[\w./*-]+`|in `pyproject\.toml`", item)]


def declared_errors() -> set[tuple[int, str]]:
    """Status and code of every error that gateway and services can answer in the envelope."""
    return {(error.status, error.code) for error in error_classes() if error.body is ApiError.body}


def documented_errors() -> set[tuple[int, str]]:
    table = text_of(CONTRACT).partition("### Errors")[2].partition("###")[0]
    return {(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", table, re.MULTILINE)}


def documented_states() -> dict[str, list[str]]:
    """The fields of each kind of `data` in section 6."""
    table = text_of(CONTRACT).partition("| `data` of | fields |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (?:an? )?(\w+) \| (.+) \|$", table, re.MULTILINE)
    nested = re.compile(r"\[\{.*?\}\]|\{.*?\}|\[.*?\]|\(.*?\)")
    return {kind: re.findall(r"[a-z_]+", nested.sub("", fields).replace(r"\|null", "")) for kind, fields in rows}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert broken_links(page, text_of(page)) == []


def test_what_is_cited_is_there() -> None:
    wrong = {file: wrong_citations(text_of(file)) for file in (*PAGES, *SOURCES) if file != Path(__file__)}
    assert {name_of(file): each for file, each in wrong.items() if each} == {}


def test_pages_that_the_code_names_are_there() -> None:
    wrong = {
        f"{name_of(file)}: {name}"
        for file in SOURCES
        if file != Path(__file__)
        for name in PAGE.findall(text_of(file))
        if not any((folder / name).exists() for folder in (ROOT, ROOT / "docs", file.parent))
    }
    assert wrong == set()


def test_sections_that_the_contract_cites_of_itself_are_there() -> None:
    assert cited(SECTION_OF_THIS_PAGE, text_of(CONTRACT)) <= sections()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_that_a_page_places_in_a_file_are_there(page: Path) -> None:
    assert missing_names(text_of(page)) == []
    assert [(name, file) for name, file in names_of_linked_files(page) if not is_in(name, file)] == []


@pytest.mark.parametrize("page", decision_pages(), ids=name_of)
def test_a_decision_has_its_number_and_all_headings(page: Path) -> None:
    text = text_of(page)
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert headings(text, "##") == DECISION_HEADINGS


@pytest.mark.parametrize("page", decision_pages(), ids=name_of)
def test_each_line_of_enforced_by_names_something(page: Path) -> None:
    assert vague_lines(section(text_of(page), "## Enforced by")) == []


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in decision_pages()] == list(range(1, len(decision_pages()) + 1))


@pytest.mark.parametrize("index", [DECISIONS / "README.md", ARCHITECTURE], ids=name_of)
def test_every_decision_is_linked(index: Path) -> None:
    assert set(decision_pages()) - linked_files(index) == set()


def test_the_contract_has_every_error_and_no_other() -> None:
    assert documented_errors() == declared_errors()


def test_the_contract_has_every_error_of_oauth() -> None:
    table = text_of(CONTRACT).partition("#### Getting a token")[2].partition("####")[0]
    rows = re.findall(r"^\| (40[01]) \| `(\w+)` \|", table, re.MULTILINE)
    documented = {(int(status), code) for status, code in rows}
    assert documented == {(error.status, error.code) for error in subclasses(OAuthError) if error is not OAuthError}


def test_the_contract_has_every_event_and_no_other() -> None:
    table = text_of(CONTRACT).partition("| routing key |")[2].partition("\n\n")[0]
    keys = [key for row in table.splitlines() for key in re.findall(r"`([a-z_]+\.[a-z_]+)`", row.split(" | ")[0])]
    assert sorted(keys) == sorted(event_type.type for event_type in STATE_OF)


def test_the_contract_has_every_route() -> None:
    paths = {route.path for route in ROUTES if route.is_public or not route.is_internal} | set(HEALTH_PATHS)
    described = re.sub(r"### Whose rows.*?\n###? ", "", text_of(CONTRACT), flags=re.DOTALL)
    told = set(re.findall(r"(?:[A-Z]+ )?((?:…|/)[\w/{}.-]+)", described))
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
        ("requirement", RequirementState),
        ("settings", SettingsState),
    ],
)
def test_the_contract_has_every_field_of_an_event(kind: str, state: type[BaseModel]) -> None:
    assert documented_states()[kind] == [field.alias or name for name, field in state.model_fields.items()]


def test_the_contract_has_the_roles_of_the_built_in_issuer() -> None:
    table = text_of(CONTRACT).partition("| role |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([\w ]+)` \| (.+) \|$", table, re.MULTILINE)
    documented = {role: {"api.access", *re.findall(r"`([\w.]+)`", permissions)} for role, permissions in rows}
    assert documented == {role: set(permissions) for role, permissions in ROLES.items()}


def test_operators_are_told_of_every_setting_and_no_other() -> None:
    table = text_of(ROOT / "docs" / "operations.md").partition("| setting |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines()[2:] for name in re.findall(r"`([A-Z_]+)`", row.split(" | ")[0])}
    all_settings: list[type[BaseModel]] = [GatewaySettings, *(service.settings for service in DECLARED.values())]
    assert told == {name.upper() for settings in all_settings for name in settings.model_fields}


@pytest.mark.parametrize("target", ["nowhere.md", "faults.md#no-such-heading", "#no-such-heading", "../nowhere/"])
def test_control_a_broken_link_is_noticed(target: str) -> None:
    text = f"see [it]({target}), [faults](faults.md#invariants), [us](https://example.org/x)"
    assert broken_links(ROOT / "docs" / "page.md", text) == [target]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("the table (contract, section 99)", ["section 99"]),
        ("the table (contract,\n    section 99)", ["section 99"]),
        ("contract, sections 1 and 99", ["section 99"]),
        ("-- kept (decision 99)", ["decision 99"]),
        ("architecture, principles 2, 3 and 99", ["principle 99"]),
        ("contract, section 3; RFC 9110, section 13; decision 4", []),
    ],
)
def test_control_a_wrong_citation_is_noticed(text: str, wrong: list[str]) -> None:
    assert wrong_citations(text) == wrong


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`shared/nowhere.py`", ["shared/nowhere.py"]),
        ("`services/*/nowhere/*.sql` and `services/*/migrations/*.sql`", ["services/*/nowhere/*.sql"]),
        ("`add` in `shared/messaging/relay.py`", ["add in shared/messaging/relay.py"]),
        ("`add` and `no_such` in `shared/messaging/outbox.py`", ["no_such in shared/messaging/outbox.py"]),
        ("`add`\n  in `shared/nowhere.py`", ["add in shared/nowhere.py", "shared/nowhere.py"]),
        ("`test_no_such` in `tests/unit/test_papers.py`", ["test_no_such in tests/unit/test_papers.py"]),
        ('"No such wall" and "Services do not know each other" in `pyproject.toml`', ["No such wall"]),
        ("`add` in `shared/messaging/outbox.py`, `application/json`", []),
    ],
)
def test_control_a_name_that_is_not_there_is_noticed(text: str, missing: list[str]) -> None:
    assert missing_names(text) == missing


def test_control_a_vague_line_is_noticed() -> None:
    assert vague_lines("- care\n- `add` in `shared/messaging/outbox.py`\n- `bench/events.py`\n") == ["care"]


def test_control_citations_are_found() -> None:
    assert len(names_of_linked_files(ROOT / "README.md")) >= 4
    assert len([file for file in SOURCES if cited(SECTION, text_of(file))]) > 50
    assert sections() == set(range(1, 14))
    assert len(principles()) == 12
