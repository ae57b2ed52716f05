"""The documents `account.<platform>.<account>`, in the bucket of peers."""

from collections.abc import Callable
from contextlib import suppress

from contracts import Platform
from notifier.account_state import AccountState
from runtime.documents import Conflict, Documents

Key = tuple[Platform, str]
"""A platform, and an account of ours there."""


class AccountDocuments:
    """Every change is a compare-and-set; what raises `Unavailable` is the broker."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def read(self, key: Key) -> AccountState:
        """What all replicas know of the account."""
        return (await self._read(key))[0]

    async def change(
        self, key: Key, change: Callable[[AccountState], AccountState]
    ) -> tuple[AccountState, bool]:
        """The state after a change, and whether this very call made it.

        Args:
            key: the account.
            change: may be asked to decide more than once, on what others wrote meanwhile.
        """
        while True:
            before, revision = await self._read(key)
            after = change(before)
            if after == before:
                return before, False
            body = after.model_dump_json().encode()
            with suppress(Conflict):
                if revision is None:
                    await self._documents.create(_name(key), body)
                else:
                    await self._documents.replace(_name(key), body, revision)
                return after, True

    async def _read(self, key: Key) -> tuple[AccountState, int | None]:
        stored = await self._documents.read(_name(key))
        if stored is None:
            return AccountState(), None
        return AccountState.model_validate_json(stored[0]), stored[1]


def _name(key: Key) -> str:
    return f"account.{key[0]}.{key[1]}"
