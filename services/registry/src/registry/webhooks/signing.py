"""Signatures as the Standard Webhooks specification (1.0.0) has them.

Its libraries, which exist for many languages, verify them.
"""

import base64
import hashlib
import hmac
from uuid import UUID

_PURPOSE = b"turnout webhook 1\0"
"""Part of what a secret is derived from, so that no other use of the key can yield the same."""


class Signer:
    """Signs what is sent.

    A webhook's secret is derived from the installation's key and the webhook's id: nothing secret
    is stored, and each webhook has a secret of its own. A webhook whose secret has leaked is
    deleted and made anew; a new key changes the secrets of all.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def secret(self, webhook_id: UUID) -> str:
        """The secret as its receiver keeps it: `whsec_` and base64."""
        return f"whsec_{base64.b64encode(self._secret(webhook_id)).decode()}"

    def headers(
        self, webhook_id: UUID, message_id: UUID, sent_at_seconds: int, body: bytes
    ) -> dict[str, str]:
        """The three headers of one attempt.

        Args:
            webhook_id: whose secret signs.
            message_id: the same for every attempt, so that a receiver can tell repetitions.
            sent_at_seconds: Unix time of this attempt.
            body: exactly what is sent.
        """
        signed = f"{message_id}.{sent_at_seconds}.".encode() + body
        signature = hmac.digest(self._secret(webhook_id), signed, hashlib.sha256)
        return {
            "webhook-id": str(message_id),
            "webhook-timestamp": str(sent_at_seconds),
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }

    def _secret(self, webhook_id: UUID) -> bytes:
        return hmac.digest(self._key, _PURPOSE + webhook_id.bytes, hashlib.sha256)
