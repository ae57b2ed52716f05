"""The buttons of a template, given with each message: what a tap on them brings back."""

from collections.abc import Sequence
from typing import Any

from contracts import Template
from notifier.templates.catalogue import catalogue


def button_components(template: Template, choice_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The button part of a request's components; empty for a template that we have no file of.

    A button whose choice the message does not have is left out: Meta then brings its label back,
    and the conversation understands those words as well.

    Args:
        template: what is sent.
        choice_ids: the ids of the message's choices.
    """
    known = catalogue().get(template.name)
    if known is None:
        return []
    if known.category == "authentication":
        # The button that copies the code was made as one of the type OTP, and is one of the type
        # URL since (Meta, "Authentication templates").
        return [_button("url", 0, {"type": "text", "text": template.parameters[0]})]
    payloads = [button.payload_among(choice_ids) for button in known.buttons]
    return [
        _button("quick_reply", index, {"type": "payload", "payload": payload})
        for index, payload in enumerate(payloads)
        if payload is not None
    ]


def _button(sub_type: str, index: int, parameter: dict[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": str(index), "parameters": [parameter]}
