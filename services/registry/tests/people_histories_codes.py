"""What asking for a code may do, judged from the tables before and after it."""

from datetime import timedelta

from people_histories_house import address_of
from people_histories_seats import Happening

from contracts import RequestCode

PER_ADDRESS, PER_CHAT = 3, 10
HOUR = timedelta(hours=1)
CODE_TIME = timedelta(minutes=10)


def judge_codes(it: Happening) -> None:
    """Codes come of being asked for alone, go to who may read them, and never too many."""
    new = [row for key, row in it.after.proofs.items() if key not in it.before.proofs]
    if not isinstance(it.command, RequestCode):
        assert not new, "a code that nobody asked for"
        return
    for name in ("users", "events", "registrations", "links", "identities"):
        assert getattr(it.after, name) == getattr(it.before, name), f"{name} have changed"
    lately = [row for row in it.after.proofs.values() if row["created_at"] > it.now - HOUR]
    for row in new:
        assert row["email"] == it.command.email
        assert row["expires_at"] == it.now + CODE_TIME
        for_address = [other for other in lately if other["email"] == row["email"]]
        # Not whose it is: that is empty when they have been forgotten since.
        sent = [other for other in for_address if other["by_email"] or other["to_chat_id"]]
        assert len(sent) <= PER_ADDRESS, "too many codes for one address"
        of_chat = {other["request_id"] for other in lately if address_of(other) == address_of(row)}
        assert len(of_chat) <= PER_CHAT, "too many codes for one chat"
        if row["by_email"]:
            assert it.proof_by_email, "a mail without a mail server"
        elif row["target_user_id"]:
            reader = it.after.users[row["target_user_id"]]
            to = address_of(
                {name: row[f"to_{name}"] for name in ("platform", "account", "chat_id")}
            )
            assert it.after.identities[to] == reader["id"], "a code in somebody else's chat"
            assert to != address_of(row), "a code in the chat that asked for it"
            typed = None if it.proof_by_email else reader["email_claimed"]
            assert row["email"] in (reader["email"], typed), "a code for another address"
