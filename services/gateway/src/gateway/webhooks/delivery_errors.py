"""What Telegram's `last_error_message` means (WebhookActor.cpp of telegram-bot-api)."""

import re

from gateway.webhooks.findings import REPAIR, Finding

_WRONG_ANSWER = re.compile(r"Wrong response from the webhook: (\d{3})")


def in_words(message: str) -> Finding:
    """The finding that a failed delivery of Telegram's is a trace of."""
    if answered := _WRONG_ANSWER.search(message):
        return _answered(int(answered[1]))
    lowered = message.lower()
    for part, says, remedy in _WITHOUT_ANSWER:
        if part in lowered:
            return Finding("failing", says, remedy)
    return Finding("failing", f"Telegram could not deliver: {message}", "see what it says")


def _answered(status: int) -> Finding:
    # Telegram never shows the secret: that the gateway refused is all that can be seen of it.
    if status in (401, 403):
        return Finding(
            "secret",
            f"the gateway answered Telegram with {status}: the webhook was set with another secret "
            "than the gateway has",
            f"{REPAIR}; if it stays, the gateway has another TELEGRAM_SECRET than this command",
        )
    if status == 404:
        return Finding(
            "failing",
            "the address answered Telegram with 404: it is no gateway's, or the gateway there "
            "does not know this bot",
            "compare PUBLIC_URL with what the proxy passes on, and the gateway's accounts",
        )
    if status == 503:
        return Finding(
            "failing",
            "the gateway answered Telegram with 503: it cannot store messages now; Telegram keeps "
            "them",
            "see the gateway's /health/ready",
        )
    if 300 <= status < 400:
        return Finding(
            "failing",
            f"the address answered Telegram with {status}: Telegram follows no redirects",
            "let PUBLIC_URL be the address that it is sent on to",
        )
    return Finding(
        "failing",
        f"the address answered Telegram with {status}",
        "see the log of the proxy and of the gateway",
    )


_WITHOUT_ANSWER = (
    (
        "timeout expired",
        "Telegram had no answer in time",
        "see whether the gateway and the proxy before it are overloaded",
    ),
    (
        "connection timed out",
        "Telegram reached nobody at the address",
        "open the port in the firewall: Telegram comes from 149.154.160.0/20 and 91.108.4.0/22",
    ),
    (
        "connection refused",
        "nobody listens at the address that Telegram was told",
        "start the gateway and the proxy before it",
    ),
    (
        "connection closed",
        "the connection was closed before there was an answer",
        "see the log of the proxy and of the gateway",
    ),
    (
        "ssl error",
        "Telegram does not trust the certificate of the address",
        "serve the whole chain of a certificate from a public authority",
    ),
    (
        "resolve host",
        "Telegram cannot find the host of the address",
        "see the DNS entry of PUBLIC_URL's host",
    ),
)
