"""One-time codes: which messages carry one, and whom it cannot be sent to."""

import re

from contracts import Address, OutboundMessage, Template
from notifier.templates.catalogue import Language, catalogue

AUTHENTICATION = "authentication"
BUSINESS_SCOPED_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]+")
"""A country code, a dot, up to 128 letters and digits (platforms.md B3)."""
CODE_TO_SCOPED_ID = "code-to-scoped-id"
"""Meta sends authentication templates to phone numbers only (131062, platforms.md B3)."""


def is_scoped(address: Address) -> bool:
    """Whether WhatsApp knows the person by an id of the business and not by a number."""
    return (
        address.platform == "whatsapp" and BUSINESS_SCOPED_ID.fullmatch(address.chat_id) is not None
    )


def is_authentication(template: Template | None) -> bool:
    """Whether it is one of those whose words are Meta's own, around a code."""
    known = catalogue().get(template.name) if template else None
    return known is not None and known.category == AUTHENTICATION


def code_of(message: OutboundMessage) -> str | None:
    """The code that a message tells; None: it tells none."""
    template = message.template
    if template is None or not template.parameters or not is_authentication(template):
        return None
    return template.parameters[0]


def copy_label(template: Template, language: Language) -> str:
    """What is on a button that copies the code."""
    label = catalogue()[template.name].wording(language).copy_button
    assert label is not None, "templates.rules sees to it"
    return label
