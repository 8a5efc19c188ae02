"""What the gateway serves from memory."""

import re
from pathlib import Path

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.edge.document_handler import DocumentHandler, accepts
from gateway.edge.documents import DOCUMENTS, PAGES, ROOT, SCHEMAS, Document, documents


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["gzip"], True),
        (["deflate, GZIP;q=0.5, br"], True),
        (["br", "gzip"], True),
        (["gzip;q=0"], False),
        (["gzip; q=0.000"], False),
        (["gzip;q=0.001"], True),
        (["identity"], False),
        (["xgzip"], False),
        ([""], False),
        ([], False),
    ],
)
def test_a_coding_is_used_when_the_client_names_it(values: list[str], wanted: bool) -> None:
    headers = CIMultiDictProxy(CIMultiDict(("Accept-Encoding", value) for value in values))
    assert accepts(headers, "Accept-Encoding", "gzip") is wanted


def test_a_missing_file_ends_the_start() -> None:
    with pytest.raises(FileNotFoundError):
        DocumentHandler([Document("/x", "docs/no-such-file.json", "application/json")])


def test_every_page_and_asset_that_lies_there_is_served() -> None:
    lying = {str(file.relative_to(ROOT)) for file in (ROOT / PAGES).rglob("*") if file.is_file()}
    assert lying - {document.file for document in DOCUMENTS} == {f"{PAGES}/vendor/scalar-api-reference.LICENSE.txt"}


def test_the_image_has_all_that_is_served() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--)(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    ]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in [document.file for document in documents()] + [SCHEMAS]:
        for names in (copied, let_in):
            assert any(Path(path).is_relative_to(name) for name in names), path
