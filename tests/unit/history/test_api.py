from services.history.api import history_meta
from services.history.schemas import HistoryQuery


def test_history_counts_its_pages() -> None:
    query = HistoryQuery.model_validate({"page": "2", "per_page": "50"})
    assert history_meta(query, 101) == {"current_page": 2, "per_page": 50, "total": 101, "total_pages": 3}
