"""`./dev audit`: whether any pinned package has a known vulnerability."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from stack.console import Steps
from stack.paths import REPOSITORY

LOCK = "requirements-tracing.lock"
AUDIT_SECONDS = 600.0
SOCKET_SECONDS = "15"
VULNERABLE, UNKNOWN = 1, 2


def audit(steps: Steps, service: str) -> int:
    """Ask the vulnerability service; answers 0 when it knows of nothing, 1 when it does, 2 when it did not answer."""
    with steps.step(f"pip-audit {LOCK}") as step:
        result = subprocess.run(
            _command(service), cwd=REPOSITORY, capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False
        )
        status, lines = judge(result.stdout, result.stderr)
        step.result = lines[0]
    for line in lines[1:]:
        steps.say(line)
    return status


def _command(service: str) -> list[str]:
    program = str(Path(sys.executable).parent / "pip-audit")
    options = ["--strict", "--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json"]
    return [program, *options, f"--vulnerability-service={service}", f"--timeout={SOCKET_SECONDS}", f"-r={LOCK}"]


def judge(output: str, errors: str) -> tuple[int, list[str]]:
    """The exit status and what to say, from pip-audit's output; it exits with 1 for findings and failures alike."""
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, LookupError, TypeError):
        reason = (errors.strip() or "no output").splitlines()[-1]
        return UNKNOWN, [
            "NOT AUDITED",
            "The packages could not be audited, so nothing is known of them:",
            f"  {reason}",
        ]
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    if skipped or not dependencies:
        return UNKNOWN, ["NOT AUDITED", f"The vulnerability service does not know: {', '.join(skipped) or 'anything'}"]
    found = [_finding(each, vulnerability) for each in dependencies for vulnerability in each["vulns"]]
    summary = f"{len(dependencies)} packages, {len(found)} known vulnerabilities"
    return (VULNERABLE if found else 0), [summary, *found]


def _finding(dependency: dict[str, Any], vulnerability: dict[str, Any]) -> str:
    fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
    return f"  {dependency['name']} {dependency['version']}: {vulnerability['id']}, fixed in {fixed}"
