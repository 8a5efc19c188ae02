"""What the security log says of webhooks: by them an organisation's events reach others."""

from typing import Any

from shared.postgres.audit import AuditEntry
from shared.security_log import SecurityEvent, record


def record_change(entry: AuditEntry | None) -> None:
    """Tells it of a change that is committed: which fields, and never what is in them, since URLs are often secrets."""
    if entry is not None:
        because = entry.changes.get("disabled_reason", {}).get("to")
        more: dict[str, Any] = {"because": because} if because else {}
        record(
            SecurityEvent.WEBHOOK_CHANGED,
            reason=_reason(entry),
            subject=entry.actor.subject,
            organisation_id=entry.organisation_id,
            webhook=entry.id,
            fields=sorted(entry.changes),
            **more,
        )


def _reason(entry: AuditEntry) -> str:
    match entry.action:
        case "webhook.removed":
            return "deleted"
        case "webhook.disabled":
            return "disabled"
        case _ if "secret_rotated" in entry.changes:
            return "secret_rotated"
        case _ if entry.version == 1:
            return "created"
    return "enabled" if "status" in entry.changes else "changed"
