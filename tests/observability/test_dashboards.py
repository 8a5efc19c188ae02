"""What the dashboards ask for is what there is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from documents.dashboards.files import DASHBOARDS, FOLDER
from documents.dashboards.panels import RATE, Dashboard
from stack.paths import REPOSITORY
from tests.observability.test_rules import OBSERVABILITY, said_by

FILES = sorted((REPOSITORY / FOLDER).glob("*.json"))
EXPRESSIONS = {
    f"{dashboard.uid}: {panel.title} ({number})": query.expression
    for dashboard in DASHBOARDS
    for panel in dashboard.panels
    for number, query in enumerate(panel.queries)
}


def placed(file: Path) -> list[dict[str, Any]]:
    return list(json.loads(file.read_text())["panels"])


def test_there_is_a_file_for_each_dashboard_and_no_other() -> None:
    assert [file.stem for file in FILES] == sorted(each.uid for each in DASHBOARDS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_do_not_cover_each_other(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in placed(file):
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_panels_of_a_dashboard_have_names_of_their_own(dashboard: Dashboard) -> None:
    titles = [panel.title for panel in dashboard.panels]
    assert sorted(titles) == sorted({*titles})


def test_every_expression_is_one_that_prometheus_reads(tmp_path: Path) -> None:
    """promtool has no command for an expression alone: they are checked as rules."""
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace(RATE, "1m").replace("$process", ".+")}
        for number, expression in enumerate(EXPRESSIONS.values())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(EXPRESSIONS)} rules found" in said_by("PROMTOOL", "check", "rules", file)


def test_the_sources_that_panels_name_are_provided() -> None:
    sources = yaml.safe_load((OBSERVABILITY / "grafana/provisioning/datasources/muster.yml").read_text())["datasources"]
    named = {panel["datasource"]["uid"] for file in FILES for panel in placed(file) if "datasource" in panel}
    assert named <= {source["uid"] for source in sources}


def test_the_page_that_is_shown_first_is_there() -> None:
    home = re.search(r"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: /etc/muster/dashboards/(\S+)", compose())
    assert home is not None
    assert home[1] in {file.name for file in FILES}


def compose() -> str:
    return (REPOSITORY / "docker-compose.yml").read_text()
