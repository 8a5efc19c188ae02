"""`muster import`: sends a file, follows what comes of it, and says so."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.errors import ApiError, BadInput, MusterError
from muster.exports import Exports
from muster.files import STANDARD_INPUT, Sent, Source, kind_of, source_of, type_of, upload_of
from muster.imports import COUNTS, KEPT_REFUSALS, KINDS, Imports, Job, Reference
from muster.interrupting import interruptible
from muster.progress import Screen, amount
from muster.transport import Transport

DONE: Final = 0
"""All of the file is in."""
IN_PART: Final = 1
"""Some lines were refused, or mode complete has ended no row."""
FAILED: Final = 2
INTERRUPTED: Final = 130


@dataclass(frozen=True)
class Wanted:
    """What was asked for, as it was given."""

    file: str
    kind: str | None = None
    type: str | None = None
    charset: str | None = None
    mode: str = "changes"
    dry_run: bool = False
    compress: bool | None = None
    refused: Path | None = None


class Importer:
    """One command; `out` gets the results, `screen` what happens meanwhile. `job` is the import as it was seen last,
    `refused_file` where its refused lines went."""

    def __init__(self, transport: Transport, screen: Screen, out: Screen, *, is_local: bool) -> None:
        self._imports = Imports(transport)
        self._exports = Exports(transport)
        self._screen = screen
        self._out = out
        self._is_local = is_local
        self.job: Job | None = None
        self.refused_file: Path | None = None

    def run(self, wanted: Wanted) -> int:
        """The exit status. Raises `MusterError` where the file was not taken."""
        source = source_of(wanted.file)
        kind = _known_kind(wanted)
        type_ = wanted.type or type_of(source)
        if type_ is None:
            raise BadInput(f"Is {source.name} CSV or NDJSON? Say so with --type csv or --type ndjson.")
        sent = Sent(source)
        try:
            self.job = self._send(source, kind, type_, wanted, sent)
            return self._follow(self.job, wanted.refused or _beside(wanted.file, self.job.reference))
        except KeyboardInterrupt:
            self._interrupted(sent)
            raise

    def _send(self, source: Source, kind: str, type_: str, wanted: Wanted, sent: Sent) -> Job:
        upload = upload_of(source, type_, wanted.charset, compress=wanted.compress, is_local=self._is_local, sent=sent)
        with self._screen.bar(f"Sending {source.name}") as bar:
            sent.advance = lambda done: bar.show(done, source.size, amount(done))
            with interruptible(lambda: sent.is_whole and self.job is None) as interrupt:
                sent.refused = interrupt.take_effect
                self.job = self._imports.send(kind, upload, mode=wanted.mode, dry_run=wanted.dry_run)
            return self.job

    def _interrupted(self, sent: Sent) -> None:
        if self.job is not None:
            self._goes_on()
        elif sent.is_whole:
            self._out.say("Interrupted before the server had answered: the file may have been taken.")
        else:
            self._out.say("Interrupted: nothing was imported.")

    def _goes_on(self) -> None:
        if self.job is None or self.job.has_ended:
            return
        reference = self.job.reference
        self._out.say(
            f"Import {reference} goes on without this command.\n"
            f"  muster import --follow {reference}   shows how far it is\n"
            f"  muster import --cancel {reference}   ends it"
        )

    def look(self, reference: Reference, refused: Path | None) -> int:
        """Follows an import that is on its way, or over. The exit status, as of `run`."""
        self.job = self._imports.get(reference)
        try:
            return self._follow(self.job, refused or _beside(STANDARD_INPUT, reference))
        except KeyboardInterrupt:
            self._goes_on()
            raise

    def cancel(self, reference: Reference) -> int:
        self.job = self._imports.cancel(reference)
        self._out.say(f"Import {reference} is cancelled. What was done before stays done.")
        return DONE

    def _follow(self, job: Job, refused: Path) -> int:
        """To its end; the lines that were refused go into the file."""
        try:
            with self._screen.bar(f"Applying {job.reference}") as bar:
                for newest in self._imports.follow(job, time.sleep):
                    self.job = job = newest
                    bar.show(job.count("bytes_read"), job.count("bytes") or None, f"{job.count('lines'):,} lines")
        except MusterError:
            self._goes_on()
            raise
        return self._said(job, refused)

    def _said(self, job: Job, refused: Path) -> int:
        counts = ", ".join(f"{job.count(name):,} {name}" for name in COUNTS)
        dry = " (dry run: nothing was changed)" if job.is_dry_run else ""
        self._out.say(f"Import {job.reference} {job.status}{dry}: {job.count('lines'):,} lines, {counts}")
        if job.message:
            self._out.say(job.message)
        if job.count("refused"):
            self._save_refused(job, refused)
        if job.status != "completed":
            return FAILED
        return IN_PART if job.count("refused") or job.message else DONE

    def _save_refused(self, job: Job, file: Path) -> None:
        path = f"{job.reference.path}/refusals"
        try:
            self._exports.save(path, "csv", {}, file, lambda progress: None)
        except ApiError as error:
            self._out.say(f"The refused lines could not be fetched: {error}")
            return
        self.refused_file = file
        is_part = job.count("refused") > KEPT_REFUSALS
        which = f"The first {KEPT_REFUSALS:,} refused lines" if is_part else "Refused lines"
        self._out.say(f"{which}, with the reasons in front: {file}")
        self._out.say(_how_to_repair(file))


def _known_kind(wanted: Wanted) -> str:
    kind = wanted.kind or (None if wanted.file == STANDARD_INPUT else kind_of(wanted.file))
    if kind is None:
        raise BadInput(f"What does {wanted.file} have? Say so with --kind: {', '.join(KINDS)}.")
    return kind


def _how_to_repair(file: Path) -> str:
    """Of NDJSON, a line stands in a cell, as it came."""
    with file.open(encoding="utf-8") as opened:
        is_ndjson = "#text" in opened.readline()
    if is_ndjson:
        return "Its column #text has each line as it came: repaired, they can be imported."
    return "Repaired, it can be imported as it is."


def _beside(file: str, reference: Reference) -> Path:
    """Where the refused lines of a file go."""
    if file == STANDARD_INPUT:
        return Path(f"{reference.kind}-{reference.id}.refused.csv")
    return Path(f"{file.removesuffix('.gz')}.refused.csv")
