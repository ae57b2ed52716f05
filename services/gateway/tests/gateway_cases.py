"""The documented and the odd: what a platform sends, and everything that we make of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from contracts import DeliveryReported, InboundMessage, Platform, derived_id, inbound_id

SAMPLES = Path(__file__).parent / "samples"
CASES = SAMPLES / "conformance"
BOT = "123456"
PHONE_ID = "106540352242922"
METADATA = {"display_phone_number": "15550783881", "phone_number_id": PHONE_ID}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OUTBOUND = UUID("11111111-2222-5333-8444-555555555555")


@dataclass(frozen=True)
class Case:
    """One webhook, and what a reading of it is to hold."""

    name: str
    platform: Platform
    body: bytes
    messages: list[InboundMessage | DeliveryReported]
    unused: list[str]
    unreadable: list[str]
    answers: str | None


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for path in sorted(CASES.glob("*.yaml")):
        group = yaml.safe_load(path.read_text())
        for case in group["cases"]:
            source = case.get("file", path.name)
            platform: Platform = "telegram" if source.startswith("telegram") else "whatsapp"
            yield Case(
                name=f"{path.stem}: {case['name']}",
                platform=platform,
                body=_body(platform, group, case),
                messages=list(_messages(platform, group, case)),
                unused=case.get("unused", []),
                unreadable=case.get("unreadable", []),
                answers=case.get("answers"),
            )


def _body(platform: Platform, group: dict[str, Any], case: dict[str, Any]) -> bytes:
    if "file" in case:
        return (SAMPLES / f"{case['file']}.json").read_bytes()
    if "raw" in case:
        return str(case["raw"]).encode()
    if platform == "telegram":
        message = group.get("base", {}) | case.get("message", {})
        return json.dumps(case.get("update", {"update_id": 7, "message": message})).encode()
    if "body" in case:
        return json.dumps(case["body"]).encode()
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": METADATA}
    if "message" in case:
        value["contacts"] = case.get("contacts", group.get("contacts"))
        value["messages"] = [group["base"] | case["message"]]
    elif "status" in case:
        value["statuses"] = [group["base"] | case["status"]]
        value |= {"contacts": case["contacts"]} if "contacts" in case else {}
    else:
        value |= case["value"]
    change = {"field": case.get("field", "messages"), "value": value}
    entry = {"id": "102290129340398", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def _messages(
    platform: Platform, group: dict[str, Any], case: dict[str, Any]
) -> Iterator[InboundMessage | DeliveryReported]:
    if "gives" in case:
        said = group["expected"] | case["gives"]
        account = BOT if platform == "telegram" else PHONE_ID
        message_id = inbound_id(platform, account, said["of"])
        yield InboundMessage.model_validate(
            {
                "id": message_id,
                "occurred_at": NOW,
                "correlation_id": message_id,
                "address": {"platform": platform, "account": account, "chat_id": said["chat"]},
                "sender": said["sender"],
                "content": said["content"],
                "sent_at": said["sent_at"],
                "provider_id": said["provider_id"],
            }
        )
    if "reports" in case:
        told = case["reports"]
        yield DeliveryReported(
            id=derived_id(OUTBOUND, f"platform-{told['status']}"),
            occurred_at=NOW,
            correlation_id=OUTBOUND,
            platform="whatsapp",
            outbound_id=OUTBOUND,
            source="platform",
            **told,
        )
