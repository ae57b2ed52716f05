"""The digits of a code: made from the id of its proof and a secret, and stored nowhere."""

import hashlib
import hmac
from uuid import UUID

from contracts.people import CODE_DIGITS
from registry.tickets import seed_of

PURPOSE = b"turnout proof code 1\0"
"""The codes' own key is made with it, so that nothing else made of `TICKET_KEY` is a code."""


class ProofCodes:
    """Makes the digits that prove an address, and compares what was typed with them."""

    def __init__(self, key: str) -> None:
        self._key = hmac.digest(seed_of(key), PURPOSE, hashlib.sha256)

    def digits(self, proof_id: UUID) -> str:
        """The code of a proof: the same id always gets the same digits."""
        number = int.from_bytes(hmac.digest(self._key, proof_id.bytes, hashlib.sha256))
        # Of 2^256 values a million does not divide, by far less than anybody could notice.
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}}"

    def is_code(self, proof_id: UUID, typed: str) -> bool:
        """Whether this is it, found out in the same time for every wrong one."""
        return hmac.compare_digest(self.digits(proof_id).encode(), typed.encode())
