"""What counts as measured with traces."""

from pathlib import Path

import pytest

from bench.errors import NotMeasured
from bench.observed import Seen, require_spans


def test_a_process_that_wrote_no_span_was_not_measured_with_traces(tmp_path: Path) -> None:
    seen = Seen({}, "http://127.0.0.1:1/metrics", tmp_path / "spans.jsonl")
    with pytest.raises(NotMeasured, match="no trace was written"):
        require_spans([seen])
    seen.spans.touch()
    with pytest.raises(NotMeasured, match="no trace was written"):
        require_spans([seen])
    seen.spans.write_text("{}\n")
    require_spans([seen])
