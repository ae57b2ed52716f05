"""What became of what we sent by WhatsApp (platforms.md B2, B3)."""

from datetime import datetime

from contracts import DeliveryReported, DeliveryStatus, derived_id
from contracts.delivery import read_handle
from gateway.payload import JsonObject, id_of, number_of, objects_of
from gateway.reading import Reading

NOT_OURS = "status-not-ours"
"""Of a message that another tool sent by the same number, or that has none of our ids."""
OTHER_STATUS = "status-other"
"""`played`, `deleted`, of a payment or a call: nothing that we send has these."""

_CODE_MAX = 999_999_999
"""Codes have six or seven digits."""

_STATUSES: dict[object, DeliveryStatus] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}


def read_status(reading: Reading, status: JsonObject, now: datetime) -> None:
    """Put one of `statuses[]` in its place.

    Whom it was for is not read: `contacts` and `recipient_id` are missing from the very ones that
    matter, the failed.
    """
    named = status.get("status")
    name = _STATUSES.get(named) if isinstance(named, str) else None
    if name is None:
        reading.unused.append(OTHER_STATUS)
        return
    try:
        # The only thread back to what we sent.
        outbound_id, part = read_handle(id_of(status, "biz_opaque_callback_data") or "")
    except ValueError:
        reading.unused.append(NOT_OURS)
        return
    reading.add(
        DeliveryReported(
            # Not the bare status: the notifier reports on the same message too.
            id=derived_id(outbound_id, f"platform-{name}" + (f"-{part}" if part else "")),
            occurred_at=now,
            correlation_id=outbound_id,
            platform="whatsapp",
            outbound_id=outbound_id,
            status=name,
            source="platform",
            reason=_failure(status) if name == "failed" else None,
            part=part,
        )
    )


def _failure(status: JsonObject) -> str:
    # By its code alone: titles and details are sentences, and change.
    codes = (number_of(error, "code") for error in objects_of(status, "errors"))
    code = next((code for code in codes if code is not None and 0 <= code <= _CODE_MAX), None)
    return f"whatsapp-{'unknown' if code is None else code}"
