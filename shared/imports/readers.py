"""The reader of a file, by its media type."""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.http.errors import UnsupportedMediaType
from shared.http.models import Body
from shared.imports.csv_reader import CsvReader
from shared.imports.decoding import UTF_8, Decoder, known_charset
from shared.imports.lines import ImportRefused, LineReader
from shared.imports.ndjson_reader import NdjsonReader

CSV: Final = "text/csv"
NDJSON: Final = ("application/x-ndjson", "application/jsonl", "application/ndjson")
MEDIA_TYPES: Final[Sequence[str]] = (CSV, *NDJSON)


def reader_of(content_type: str, charset: str | None, fields: type[Body]) -> LineReader:
    """What reads a file of this `Content-Type`, whose lines have these fields.

    `charset` stands in for the parameter where the header has none. Raises `UnsupportedMediaType` for another type of
    file, and `ImportRefused` for a charset that is not known, or a CSV file that says it has no header.
    """
    media_type, parameters = _parsed(content_type)
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"The body must be {CSV} or {NDJSON[0]}.")
    said = known_charset(parameters.get("charset") or charset)
    if media_type == CSV:
        if parameters.get("header", "present") != "present":
            raise ImportRefused("A CSV file needs a header: a first line with the names of its columns.")
        return CsvReader(Decoder(said), fields)
    if said != UTF_8:
        raise ImportRefused("JSON is UTF-8 (RFC 8259): leave out the charset.")
    return NdjsonReader(Decoder(said))


def _parsed(content_type: str) -> tuple[str, Mapping[str, str]]:
    """The media type and its parameters, in lower case."""
    media_type, *others = [part.strip(" \t") for part in content_type.lower().split(";")]
    pairs = [other.partition("=") for other in others if other]
    return media_type, {name.strip(): value.strip(' \t"') for name, _, value in pairs}
