from prometheus_client.core import HistogramMetricFamily

from shared.metrics.tally import Tally


def test_each_is_in_its_bucket_and_all_above() -> None:
    tally, family = Tally((1, 2.5)), HistogramMetricFamily("sizes", "Of batches.", labels=["of"])
    for number in (0, 1, 2, 7):
        tally.observe(number)
    tally.add_to(family, ["x"])
    found = {(each.name, each.labels.get("le")): each.value for each in family.samples}
    assert found == {
        ("sizes_bucket", "1.0"): 2,
        ("sizes_bucket", "2.5"): 3,
        ("sizes_bucket", "+Inf"): 4,
        ("sizes_count", None): 4,
        ("sizes_sum", None): 10,
    }
    assert {each.labels["of"] for each in family.samples} == {"x"}
