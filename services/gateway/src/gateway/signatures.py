"""Whether a webhook is authentic.

Everything is compared as bytes and in constant time: comparing text raises on other than ASCII
characters, and a comparison that stops early tells how much was right.
"""

import hmac
from collections.abc import Sequence

SIGNATURE_PREFIX = b"sha256="
SIGNATURE_BYTES = len(SIGNATURE_PREFIX) + 64
"""`sha256=` and 32 octets in lower-case hexadecimal (platforms.md B1)."""


def is_secret(given: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether this is one of the live secrets."""
    # A list, not a generator: how long this takes must not tell which secret matched.
    matches = [hmac.compare_digest(secret, given) for secret in secrets]
    return any(matches)


def is_signed(body: bytes, signature: bytes, app_secrets: Sequence[bytes]) -> bool:
    """Whether the header is the HMAC of exactly these bytes under one of the live secrets."""
    if len(signature) != SIGNATURE_BYTES or not signature.startswith(SIGNATURE_PREFIX):
        return False
    return is_secret(signature, [SIGNATURE_PREFIX + _hmac(each, body) for each in app_secrets])


def _hmac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, body, "sha256").hex().encode()
