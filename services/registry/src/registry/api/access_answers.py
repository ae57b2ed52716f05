"""How outcomes about tokens and webhooks are told over HTTP."""

from typing import Any, TypeVar

from registry.access_results import AccessRefusal, AccessRefused
from registry.access_tokens import TOKENS_MAX
from registry.api.answers import CommandStatus
from registry.api.commanding import Call
from registry.api.problems import Problem, ProblemDetails
from registry.journal import HandledOutcome
from registry.webhooks.subscriptions import WEBHOOKS_MAX

_REFUSALS: dict[AccessRefusal, tuple[int, str, str]] = {
    "unknown-token": (404, "There is no such token", "GET /api/tokens lists all."),
    "too-many-tokens": (
        409,
        "There are too many tokens",
        f"At most {TOKENS_MAX} work at a time. Revoke one; GET /api/tokens tells their last use.",
    ),
    "unknown-webhook": (404, "There is no such webhook", "GET /api/webhooks lists all."),
    "too-many-webhooks": (
        409,
        "There are too many webhooks",
        f"An installation has at most {WEBHOOKS_MAX}. Delete one that nobody needs.",
    ),
    "disabled-webhook": (
        409,
        "The webhook is disabled",
        "Its address answered 410 Gone. Make a new webhook if it is back.",
    ),
    "unknown-delivery": (
        404,
        "There is no such delivery",
        "GET /api/webhooks/{id}/deliveries lists all; they are kept for 30 days.",
    ),
}

R = TypeVar("R")

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ProblemDetails}}
PENDING: dict[int | str, dict[str, Any]] = {
    202: {"model": CommandStatus, "description": "Not carried out yet; ask at Location"},
}


def access_refusal(reason: AccessRefusal) -> Problem:
    """A refused change as a problem."""
    status, title, detail = _REFUSALS[reason]
    return Problem(status, reason, title, detail)


def settled(found: HandledOutcome, call: Call, kind: type[R]) -> R:
    """The result of a change that was carried out.

    Raises:
        Problem: it was refused, or we failed.
    """
    result: object = found.result
    match result:
        case AccessRefused(reason=reason):
            raise access_refusal(reason)
        case _ if isinstance(result, kind):
            return result
    raise Problem(
        500,
        "failed",
        "This could not be carried out",
        "The fault is ours. The operator finds the command "
        f"{call.command_id} among the dead letters.",
    )
