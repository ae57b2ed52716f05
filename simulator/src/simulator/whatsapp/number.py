"""The business number as a node of the Graph API."""

from __future__ import annotations

import re

from simulator.settings import WhatsAppSettings
from simulator.whatsapp.business import Json
from simulator.whatsapp.callbacks import Callbacks
from simulator.whatsapp.errors import invalid_parameter

NODE_TYPE = "WhatsAppBusinessPhoneNumber"


def number_node(settings: WhatsAppSettings, callbacks: Callbacks, fields: str | None) -> Json:
    """GET /<phone number id>, with `fields` only those; the id always comes along.

    Raises:
        GraphError: a field that such a node does not have.
    """
    node: Json = {
        "verified_name": settings.business_name,
        "code_verification_status": "VERIFIED",
        "display_phone_number": display(settings.display_phone),
        "quality_rating": "GREEN",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "webhook_configuration": callbacks.configuration(),
    }
    wanted = list(node) if fields is None else [one.strip() for one in fields.split(",")]
    for name in wanted:
        if name not in node and name != "id":
            raise invalid_parameter(
                f"(#100) Tried accessing nonexisting field ({name}) on node type ({NODE_TYPE})"
            )
    return {name: node[name] for name in wanted if name != "id"} | {"id": settings.phone_id}


def display(phone: str) -> str:
    """A number as this node writes it; webhooks tell the same one as bare digits."""
    if american := re.fullmatch(r"1(\d{3})(\d{3})(\d{4})", phone):
        return "+1 {}-{}-{}".format(*american.groups())
    return f"+{phone}"
