"""What the Cloud API's error codes mean: `whatsapp_errors.toml` (platforms.md B6)."""

from dataclasses import replace

from notifier.error_table import Judged, Table
from notifier.verdicts import Throttled, Verdict

TABLE = Table.read("whatsapp")


def judge(
    code: int,
    *,
    subcode: int | None = None,
    http_status: int | None = None,
    retry_after_seconds: float | None = None,
) -> Verdict:
    """The verdict on an error.

    Args:
        code: `error.code`, or the HTTP status where the body was not an error of Meta's.
        subcode: `error.error_subcode`.
        http_status: only for codes that nobody has documented.
        retry_after_seconds: what a header asks for.
    """
    verdict = look_up(code, subcode=subcode, http_status=http_status).verdict
    if isinstance(verdict, Throttled) and retry_after_seconds:
        return replace(verdict, after_seconds=retry_after_seconds)
    return verdict


def look_up(code: int, *, subcode: int | None = None, http_status: int | None = None) -> Judged:
    """The row that decides."""
    return TABLE.judge(code, subcode=subcode, http_status=http_status or 400)
