"""What the Cloud API's error codes mean (platforms.md B6), as data.

The code decides, never the HTTP status: throttling is reported as 400 and as 429.
"""

from collections.abc import Mapping
from dataclasses import replace

from notifier.verdicts import Down, Failed, Gone, Later, Stopped, Throttled, Verdict, WindowClosed

MAINTENANCE_SECONDS = 60.0
"""An account that is moved to a higher throughput is away for up to a minute (B5)."""

TABLE: Mapping[int, Verdict] = {
    # Token, permission, payment, a ban: the account stops and keeps its messages.
    0: Stopped(),
    3: Stopped(),
    10: Stopped(),
    **dict.fromkeys(range(200, 300), Stopped()),
    33: Stopped(),
    190: Stopped(),
    368: Stopped(),
    131005: Stopped(),
    131031: Stopped(),
    131037: Stopped(),
    131042: Stopped(),
    131044: Stopped(),
    131045: Stopped(),
    # Limits that last for hours: a pause of seconds would only annoy.
    131048: Stopped(),
    131064: Stopped(),
    133010: Stopped(),
    133016: Stopped(),
    # The platform is in trouble.
    2: Down(),
    131016: Down(),
    133004: Down(),
    # It stumbled over this message.
    1: Later(tries_max=3),
    131000: Later(tries_max=3),
    131053: Later(tries_max=2),
    135000: Later(tries_max=1),
    # Too fast: the app, the number, or this pair of numbers.
    4: Throttled(scope="account"),
    80007: Throttled(scope="account"),
    130429: Throttled(scope="account"),
    131056: Throttled(scope="chat"),
    131057: Throttled(scope="account", after_seconds=MAINTENANCE_SECONDS),
    # The person.
    130497: Gone(),
    131026: Gone(),
    131047: WindowClosed(),
    # The message.
    100: Failed(),
    130472: Failed(),
    131008: Failed(),
    131009: Failed(),
    131021: Failed(),
    131030: Failed(),
    131049: Failed(),
    131050: Failed(),
    131051: Failed(),
    131052: Failed(),
    131062: Failed(),
    131063: Failed(),
    132000: Failed(),
    132001: Failed(),
    132005: Failed(),
    132007: Failed(),
    132008: Failed(),
    132012: Failed(),
    132015: Failed(),
    132016: Failed(),
    132068: Failed(),
    132069: Failed(),
    137000: Failed(),
}

PHONE_GONE_SUBCODE = 33
"""With code 100: the phone number's id is gone or not ours."""


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
        retry_after_seconds: the header `Retry-After`, which Meta does not document.
    """
    reason = f"whatsapp-{code}"
    if code == 100 and subcode == PHONE_GONE_SUBCODE:
        return Stopped(reason=reason)
    verdict = TABLE.get(code)
    if verdict is None:
        verdict = _undocumented(http_status or code)
    if isinstance(verdict, Throttled):
        after_seconds = retry_after_seconds or verdict.after_seconds
        return replace(verdict, reason=reason, after_seconds=after_seconds)
    return replace(verdict, reason=reason)


def _undocumented(http_status: int) -> Verdict:
    if http_status >= 500:
        return Down()
    if http_status == 429:
        return Throttled(scope="account")
    if http_status in (401, 403):
        return Stopped()
    return Failed()
