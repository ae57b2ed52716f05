"""What the Bot API's refusals mean (platforms.md A6 and A8), as data; the first row that fits."""

from dataclasses import dataclass, replace

from notifier.verdicts import Accepted, Down, Failed, Gone, Stopped, Throttled, Verdict

RETRY_AFTER_SECONDS_DEFAULT = 5.0
"""For a 429 that names no time."""


@dataclass(frozen=True, slots=True)
class Row:
    """Answers with this `code` whose description contains `text`."""

    code: int
    text: str
    verdict: Verdict


TABLE = (
    Row(400, "message is not modified", Accepted()),
    Row(400, "query is too old", Accepted()),
    Row(400, "chat not found", Gone()),
    Row(400, "user not found", Gone()),
    Row(400, "PEER_ID_INVALID", Gone()),
    # Only private chats are served; a group that became a supergroup writes in under its new id.
    Row(400, "group chat was upgraded", Failed()),
    Row(400, "", Failed()),
    Row(401, "", Stopped()),
    Row(403, "", Gone()),
    # The path is made of token and method: a wrong one is a wrong token or a wrong server.
    Row(404, "", Stopped()),
    Row(409, "", Stopped()),
    Row(413, "", Failed()),
    Row(421, "", Stopped()),
    Row(429, "", Throttled(scope="chat")),
)


def judge(code: int, description: str, retry_after_seconds: float | None = None) -> Verdict:
    """The verdict on a refusal.

    Args:
        code: `error_code`, or the HTTP status where a proxy answered without one.
        description: the server's sentence; empty where there is none.
        retry_after_seconds: `parameters.retry_after`.
    """
    reason = f"telegram-{code}"
    for row in TABLE:
        if row.code == code and row.text in description:
            if isinstance(row.verdict, Throttled):
                after_seconds = retry_after_seconds or RETRY_AFTER_SECONDS_DEFAULT
                return replace(row.verdict, reason=reason, after_seconds=after_seconds)
            return replace(row.verdict, reason=reason)
    return Down(reason=reason) if code >= 500 else Failed(reason=reason)
