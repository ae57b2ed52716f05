"""Tickets: a signed code that a scanner can check without asking anybody."""

import base64
import binascii
import hashlib
from uuid import UUID

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

TICKET_CHARACTERS_MAX = 120
"""Beyond that the QR gets too fine for a cheap camera on a phone's screen."""
SEED_BYTES = 32
_PREFIX = "T1."
"""The version of the form; a later one gets another number."""
PURPOSE = b"turnout ticket 1\0"
"""Signed along, so that a signature made for anything else is no ticket."""


class Tickets:
    """Signs tickets and checks them.

    Ed25519 and not an HMAC: scanners at the door get the public key only, so that a lost phone
    can check tickets but make none.
    """

    def __init__(self, key: str) -> None:
        # The bindings and not `SigningKey`, which spends as much time around a signature as on it.
        self.public_key, self._secret_key = crypto_sign_seed_keypair(seed_of(key))
        self._verify_key = VerifyKey(self.public_key)

    def issue(self, registration_id: UUID) -> str:
        """The ticket of a registration: the same id always gets the same code."""
        signed = crypto_sign(PURPOSE + registration_id.bytes, self._secret_key)
        signature = signed[:crypto_sign_BYTES]
        return _PREFIX + _encode(registration_id.bytes + signature)

    def check(self, ticket: str) -> UUID | None:
        """The registration that this ticket was issued for; None when it is not one of ours."""
        if not ticket.startswith(_PREFIX):
            return None
        text = ticket[len(_PREFIX) :]
        try:
            content = base64.b64decode(_pad(text), altchars=b"-_", validate=True)
            if _encode(content) != text:
                # The last sign has bits to spare; one registration has one ticket all the same.
                return None
            registration, signature = content[:16], content[16:]
            self._verify_key.verify(PURPOSE + registration, signature)
        except (binascii.Error, ValueError, BadSignatureError):
            return None
        return UUID(bytes=registration)


def seed_of(key: str) -> bytes:
    """`TICKET_KEY` as 32 bytes: the secret that this and other keys are made of."""
    try:
        seed = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    # Any other text is taken too, so that a demo needs no special care.
    return seed if len(seed) == SEED_BYTES else hashlib.sha256(key.encode()).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _pad(text: str) -> str:
    return text + "=" * (-len(text) % 4)
