"""What the notifier counts; labels name platforms, classes and outcomes, never people."""

from runtime.metrics import counter, gauge, histogram

sends = counter(
    "turnout_sends_total", "Outbound messages by their result.", ("platform", "priority", "status")
)
sends_unknown = counter(
    "turnout_sends_unknown_total",
    "Calls whose answer was lost, by how that ended: sent-again, given-up, known-by-status.",
    ("platform", "priority", "outcome"),
)
calls = counter(
    "turnout_calls_total", "Calls of a platform's API by verdict.", ("platform", "verdict")
)
call_seconds = histogram(
    "turnout_call_seconds", "From a call of a platform's API to its answer.", ("platform",)
)
read_marks = counter(
    "turnout_read_marks_total",
    "Messages that were to be marked as read: read, typing, scarce (left out), refused.",
    ("outcome",),
)
unknown_accounts = counter(
    "turnout_sends_without_token_total",
    "Outbound messages of accounts that no token is configured for; they are set aside.",
    ("platform",),
)
parked = counter(
    "turnout_parked_total",
    "Messages that were parked because their chat had to wait: behind others of the chat, for the "
    "chat's pace, after a refusal, for a pause of the account, for an outage.",
    ("platform", "account", "reason"),
)
parked_messages = gauge(
    "turnout_parked_messages",
    "Messages that wait with their chats, over all replicas, and what their account waits for.",
    ("platform", "account", "reason"),
)
parked_chats = gauge(
    "turnout_parked_chats", "Chats that have such messages.", ("platform", "account", "reason")
)
parked_oldest = gauge(
    "turnout_parked_oldest_seconds",
    "How long the oldest of them has waited.",
    ("platform", "account", "reason"),
)
parked_forgotten = counter(
    "turnout_parked_forgotten_total",
    "Parked chats that had no wake and were given one; there should be none.",
    ("platform",),
)
reach_changes = counter(
    "turnout_reach_changes_total",
    "What was learnt of whether chats can be written to: blocked, moved, marketing-stopped, "
    "marketing-rests.",
    ("platform", "change"),
)
passed_on = counter(
    "turnout_passed_on_total",
    "Messages that went on to another channel of the same person.",
    ("platform", "to"),
)
