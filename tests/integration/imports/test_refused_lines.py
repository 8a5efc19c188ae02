"""However many lines are refused, so many reasons are kept, and all are counted."""

import pytest

from shared.imports import models, work_store
from tests.support.import_workers import Workers
from tests.support.importing import counts, imported, people_file
from tests.support.world import IMPORTS

pytestmark = pytest.mark.timeout(120)
LINES = models.KEPT_REFUSALS + 500
FILE = people_file(*(("", f"E-{number}", "Nobody") for number in range(LINES)))
KEPT = "SELECT count(*) FROM import_refusals WHERE organisation_id = $1"


async def test_the_first_ten_thousand_are_kept_and_all_are_counted(workers: Workers) -> None:
    async with workers.running():
        job = await imported(workers.client, FILE)
    assert counts(job) == {"refused": LINES}
    assert await workers.value(KEPT, workers.organisation) == models.KEPT_REFUSALS
    answer = await workers.client.get(f"{IMPORTS}/people/{job['id']}/refusals", cursor="", per_page=100, total="true")
    assert answer.json["meta"]["total"] == models.KEPT_REFUSALS
    assert [item["line"] for item in answer.data] == list(range(2, 102))
    lines = await whole_file(workers, job["id"])
    assert [int(line.partition(",")[0]) for line in lines[1:]] == list(range(2, models.KEPT_REFUSALS + 2))


async def test_control_without_the_bound_all_are_kept(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_store, "KEPT_REFUSALS", 10**9)
    async with workers.running():
        await imported(workers.client, FILE)
    assert await workers.value(KEPT, workers.organisation) == LINES


async def whole_file(workers: Workers, import_id: int) -> list[str]:
    client = workers.client
    headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/csv"}
    async with client.http.get(f"{client.url}{IMPORTS}/people/{import_id}/refusals", headers=headers) as response:
        return (await response.read()).decode().splitlines()
