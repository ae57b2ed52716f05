"""What a scanner needs to check tickets without asking anybody."""

import base64
from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from registry.api.access import needs
from registry.tickets import PURPOSE, Tickets


class TicketKey(BaseModel):
    """How a ticket is checked offline.

    A ticket is `T1.` and base64url without padding of 16 bytes, the registration's id, and 64
    bytes, the Ed25519 signature of `purpose` followed by these 16 bytes.
    """

    version: Literal["T1"] = "T1"
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: str = Field(examples=["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])
    """Base64 of 32 bytes. It checks tickets and can make none."""
    purpose: str = Field(examples=["dHVybm91dCB0aWNrZXQgMQA="])
    """Base64 of what is signed along, so that no other signature of ours is a ticket."""


def ticket_key_routes(*, tickets: Tickets) -> APIRouter:
    """The endpoint /api/ticket-key."""
    router = APIRouter(
        tags=["check-ins"], dependencies=[Depends(needs("check-in", "read", "write"))]
    )

    @router.get("/api/ticket-key")
    async def read_ticket_key() -> TicketKey:
        """The public key that tickets are checked with. A genuine ticket need not count any more:
        it may have been cancelled, handed on, or shown before.
        """
        return TicketKey(
            public_key=base64.b64encode(tickets.public_key).decode(),
            purpose=base64.b64encode(PURPOSE).decode(),
        )

    return router
