"""The pages show the examples of the client as they are, which other tests run."""

import textwrap

import pytest

from tests.support.papers import ROOT, text_of

PAGES = {
    "journey.py": "docs/how-to/write-a-script.md",
    "nightly.py": "docs/how-to/run-a-nightly-job.md",
    "receiver.py": "docs/how-to/receive-webhooks.md",
    "subscriber.py": "docs/how-to/follow-events.md",
}
EXAMPLES = ROOT / "clients" / "python" / "examples"


def shows(page: str, code: str) -> bool:
    """Also as a part of a list, where it is indented."""
    blocks = (f"```python\n{code}```\n", textwrap.indent(f"```python\n{code}```\n", "   "))
    return any(block in page for block in blocks)


def test_each_example_has_a_page() -> None:
    assert sorted(PAGES) == sorted(file.name for file in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_the_example_as_it_is(name: str) -> None:
    assert shows(text_of(ROOT / PAGES[name]), text_of(EXAMPLES / name))


def test_control_a_line_that_changed_is_noticed() -> None:
    page = text_of(ROOT / PAGES["journey.py"])
    assert not shows(page, text_of(EXAMPLES / "journey.py").replace("score=82", "score=83"))
