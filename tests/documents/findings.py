"""What schemathesis found, and what of it is known and stays: at most ten kinds, each with its reason."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One response that is not as the document has it, by one check; `said` are the reasons that the response gives."""

    check: str
    operation: str
    status: int
    code: str
    said: tuple[str, ...]
    message: str
    request: str

    def __str__(self) -> str:
        return (
            f"{self.operation}: {self.check}: {self.message}\n  {self.request}\n  {self.status} {self.code} {self.said}"
        )


@dataclass(frozen=True)
class Known:
    """By default refusals of requests that the document allows: `reasons` matches `<status> <code> <reason>`."""

    reasons: str
    why: str
    operations: str = ".*"
    check: str = "positive_data_acceptance"

    def covers(self, finding: Finding, reason: str) -> bool:
        said = f"{finding.status} {finding.code} {reason}"
        is_of = finding.check == self.check and re.fullmatch(self.operations, finding.operation)
        return bool(is_of and re.fullmatch(self.reasons, said))


_INVALID: Final = "422 validation_failed "
KNOWN: Final = (
    Known(
        _INVALID + r"(?:Must (?:be after (?:the start|completed_at)|be the (?:start|end) of the (?:first|last) meeting"
        r"|not be before from"
        r"|not overlap|be empty unless .*|not be given together with updated_since)\."
        r"|After goes with by\.|Goes with a cursor or for an export, and not with total\."
        r"|Exactly one of .* is required\."
        r"|.* is not a member of a row with the outcome .*)",
        "JSON Schema cannot compare fields, nor parameters with each other",
    ),
    Known(
        _INVALID + r"Must not contain an id more than once\.",
        "JSON Schema compares whole items: those of the same id may differ in their names",
    ),
    Known(
        r"422 (?:(?!validation_failed )\w+ .*|validation_failed (?:The (?:selected|session|employee|course) .*"
        r"|Enrollment in this session .*|Employee \d+ was merged .*|Session is at capacity\..*"
        r"|A course cannot be its own prerequisite\.|Must (?:not )?be in the future\.))",
        "which rows there are, what they allow, and what time it is, is in no schema",
    ),
    Known(
        _INVALID + r"(?:This field is required|Unknown field)\.",
        "nor what a patch is merged into; schemathesis adds the `errors` of a refusal, though the schema excludes them",
        operations="PATCH .*",
    ),
    Known(
        _INVALID + r"(?:Is not a cursor of this API|Must (?:not be given together with page|be a cursor of this .*)"
        r"|Is no type of event|Names an unknown type of event, .*)\.|410 cursor_expired .*",
        "only the server makes cursors, a walk has no pages, and later versions have other types of events",
    ),
    Known(
        _INVALID + r"(?:Must be (?:a|the canonical name of this) time zone|Must have a valid host in ASCII"
        r"|Nothing can be sent there|Must not contain a fragment"
        r"|Must have at least \d+ different characters|Is too common|Must not be made of your name).*",
        "the database of time zones, what is a host or public, and what makes a good password are in no pattern",
        operations=".*/(?:settings|organisations(?:/.id.)?|complete|attendance|invitation|password|webhooks(?:/.id.)?)",
    ),
    Known(
        _INVALID + r"(?:Must be a whole number|Must not contain NUL or lone surrogates)\.",
        "JSON Schema takes 1.0 for an integer; here it is none, since it is mostly written for what is none. Its"
        " patterns exclude NUL, and cannot name lone surrogates, which are no characters",
    ),
    Known(r"4(?:13|22) .*", "what is in a file is in no schema", operations="POST /api/v1/imports"),
    Known(r"428 precondition_required .*", "a tag of nothing but blanks is none", operations="POST .*/merge"),
    Known(
        r"200 .*",
        "audit trails outlive their rows, and clients and calendars that were revoked are shown as such",
        operations=r"GET (?:.*/audit|/api/v1/(?:clients|calendars)/\{id\})",
        check="use_after_free",
    ),
)
"""All that may be found. Everything else is a defect, of the document or of what it describes."""


def is_known(finding: Finding) -> bool:
    return all(any(known.covers(finding, reason) for known in KNOWN) for reason in finding.said or ("",))


@dataclass(frozen=True)
class Run:
    """What was sent by phase, and what was found."""

    cases: Mapping[str, int]
    findings: tuple[Finding, ...]
    errors: tuple[str, ...]

    @property
    def all_cases(self) -> int:
        return sum(self.cases.values())

    @property
    def unknown(self) -> list[Finding]:
        return [finding for finding in self.findings if not is_known(finding)]


def read_run(report: Path) -> Run:
    """The report in NDJSON that schemathesis wrote."""
    cases: Counter[str] = Counter()
    findings: list[Finding] = []
    errors: list[str] = []
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            for kind, event in json.loads(line).items():
                if kind == "ScenarioFinished":
                    recorder = event["recorder"]
                    cases[event["phase"]] += len(recorder.get("cases", ()))
                    findings += _findings(recorder)
                elif kind in ("NonFatalError", "FatalError"):
                    errors.append(json.dumps(event)[:2000])
    return Run(cases, tuple(findings), tuple(errors))


def _findings(recorder: Event) -> Iterator[Finding]:
    for case, checks in recorder.get("checks", {}).items():
        for check in checks:
            if check["status"] == "failure":
                yield _finding(recorder, case, check)


def _finding(recorder: Event, case: str, check: Event) -> Finding:
    sent, interaction = recorder["cases"][case], recorder.get("interactions", {}).get(case) or {}
    response = interaction.get("response") or {}
    code, said = _said((response.get("content") or {}).get("$base64", ""))
    failure = check["failure_info"]["failure"]
    return Finding(
        check["name"],
        f"{sent['value']['method']} {sent['value']['path']}",
        response.get("status_code", 0),
        code,
        said,
        failure["message"],
        json.dumps(sent)[:1500],
    )


def _said(content: str) -> tuple[str, tuple[str, ...]]:
    """The code, and the reasons, or else the message."""
    try:
        body = json.loads(base64.b64decode(content))
    except ValueError:
        return "", ()
    if not isinstance(body, dict):
        return "", ()
    reasons = [reason for each in body.get("errors", {}).values() for reason in each]
    return str(body.get("code", "")), tuple(reasons) or (str(body.get("message", "")),)
