"""What delivery refuses (contract, sections 8 and 9)."""

from shared.errors import ApiError


class CursorExpired(ApiError):
    status = 410
    code = "cursor_expired"
    message = "Events after this cursor are no longer kept."
    meaning = (
        "Events that follow the cursor are older than 30 days and were dropped, or the feed was restored from a backup"
        " that is older than the cursor. Events may have been missed."
    )
    remedy = "Read the lists that you copy anew, and follow the feed from there: ask without `after`."
