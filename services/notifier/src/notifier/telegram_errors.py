"""What the Bot API's refusals mean: `telegram_errors.toml` (platforms.md A6, A8)."""

from dataclasses import replace

from notifier.error_table import Judged, Table
from notifier.verdicts import Moved, Throttled, Verdict

TABLE = Table.read("telegram")


def judge(
    code: int,
    description: str = "",
    retry_after_seconds: float | None = None,
    migrate_to_chat_id: int | None = None,
) -> Verdict:
    """The verdict on a refusal.

    Args:
        code: `error_code`, or the HTTP status where a proxy answered without one.
        description: the server's sentence; empty where there is none.
        retry_after_seconds: `parameters.retry_after`.
        migrate_to_chat_id: `parameters.migrate_to_chat_id`.
    """
    judged = look_up(code, description)
    if judged.row.verdict == "moved" and migrate_to_chat_id is not None:
        return Moved(reason=judged.verdict.reason, chat_id=str(migrate_to_chat_id))
    if isinstance(judged.verdict, Throttled) and retry_after_seconds:
        return replace(judged.verdict, after_seconds=retry_after_seconds)
    return judged.verdict


def look_up(code: int, description: str = "") -> Judged:
    """The row that decides."""
    return TABLE.judge(code, text=description, http_status=code)
