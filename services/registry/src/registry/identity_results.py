"""What becomes of a person's move to another id. Ids of chats are no part of it."""

from typing import Literal

from contracts.model import Value


class IdentityMoved(Value):
    """The chat speaks for its person under the other id."""

    kind: Literal["identity-moved"] = "identity-moved"


class IdentityStayed(Value):
    """There was nothing to move."""

    kind: Literal["identity-stayed"] = "identity-stayed"
    reason: Literal["nobody-known", "there-already", "newer-known", "anothers-now"]
    """`newer-known`: the old id was somebody's by a later move; `anothers-now`: the number has
    become another person's since."""


class IdentitiesKeptApart(Value):
    """Under the other id there is a person already. Whether the two are one, only proof can say."""

    kind: Literal["identities-kept-apart"] = "identities-kept-apart"


IdentityResult = IdentityMoved | IdentityStayed | IdentitiesKeptApart
