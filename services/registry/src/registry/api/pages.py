"""Cursors: where a page ended, opaque to the caller."""

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from registry.api.problems import invalid

Place = tuple[datetime, UUID]


def encode_cursor(place: Place) -> str:
    """The place after which the next page begins."""
    at, place_id = place
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(place_id)]).encode()).decode()


def decode_cursor(cursor: str | None) -> Place | None:
    """The place that a cursor stands for.

    Raises:
        Problem: this is no cursor of ours.
    """
    if cursor is None:
        return None
    try:
        at, place_id = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return datetime.fromisoformat(at), UUID(place_id)
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise invalid(
            "cursor", "Take the next_cursor of the page before, or leave it out."
        ) from None
