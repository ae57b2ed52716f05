"""Rules by which the platforms misbehave on demand."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from simulator.people import Platform

FaultKind = Literal[
    "429",
    "500",
    "error",
    "unauthorized",
    "timeout",
    "drop_response",
    "slow",
    "duplicate_webhook",
    "reorder_webhook",
    "drop_status",
    "reorder_status",
]

CALL_KINDS: frozenset[str] = frozenset(
    {"429", "500", "error", "unauthorized", "timeout", "drop_response", "slow"}
)

RETRY_AFTER_SECONDS_DEFAULT = 5
SLOW_SECONDS_DEFAULT = 5.0
TIMEOUT_SECONDS_DEFAULT = 75.0  # longer than aiogram's 60 s and pywa's httpx limits
ANY_ENDPOINT = "*"


@dataclass
class Fault:
    """One rule. It ends after `count_left` hits or at `until` (monotonic); else by DELETE."""

    id: str
    platform: Platform
    kind: FaultKind
    endpoint: str | None = None
    person: str | None = None
    code: int | None = None
    count_left: int | None = None
    share: float | None = None
    until: float | None = None
    retry_after: int | None = None
    delay_seconds: float | None = None
    hits: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the rule can never match again."""
        if self.count_left is not None and self.count_left <= 0:
            return True
        return self.until is not None and time.monotonic() >= self.until

    def covers(self, endpoint: str, person: str | None, *, is_message: bool) -> bool:
        """Whether a call is of the kind that the rule means.

        Without an endpoint a rule means what sends or changes messages, so that a lone
        typing indicator does not use up a rule that counts; a lost token means every call.
        """
        if self.person is not None and self.person != person:
            return False
        if self.endpoint is None:
            return is_message or self.kind == "unauthorized"
        return self.endpoint in (ANY_ENDPOINT, endpoint.lower())

    def as_json(self) -> dict[str, Any]:
        """As `GET /sim/faults` shows it."""
        return {
            "id": self.id,
            "platform": self.platform,
            "kind": self.kind,
            "endpoint": self.endpoint,
            "person": self.person,
            "code": self.code,
            "count_left": self.count_left,
            "share": self.share,
            "hits": self.hits,
        }


class Faults:
    """All rules in the order in which they were made; the first that matches acts."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: list[Fault] = []
        self._made = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault in self._faults if not fault.is_over])

    def add(
        self,
        platform: Platform,
        kind: FaultKind,
        *,
        endpoint: str | None = None,
        person: str | None = None,
        code: int | None = None,
        count: int | None = None,
        share: float | None = None,
        seconds: float | None = None,
        retry_after: int | None = None,
        delay_seconds: float | None = None,
    ) -> Fault:
        """Make a rule; it acts from the next call on."""
        self._made += 1
        fault = Fault(
            id=f"fault-{self._made}",
            platform=platform,
            kind=kind,
            endpoint=endpoint.lower() if endpoint else None,
            person=person,
            code=code,
            count_left=count,
            share=share,
            until=time.monotonic() + seconds if seconds is not None else None,
            retry_after=retry_after,
            delay_seconds=delay_seconds,
        )
        self._faults.append(fault)
        return fault

    def remove(self, fault_id: str) -> bool:
        """End one rule; says whether there was one."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault.id != fault_id]
        return len(self._faults) < before

    def clear(self) -> None:
        """End all rules."""
        self._faults.clear()

    def for_call(
        self, platform: Platform, endpoint: str, person: str | None, *, is_message: bool
    ) -> Fault | None:
        """The rule that spoils this API call, if one does; counts the hit."""
        for fault in self._live(platform):
            is_meant = fault.kind in CALL_KINDS and fault.covers(
                endpoint, person, is_message=is_message
            )
            if is_meant and self._strikes(fault):
                return fault
        return None

    def for_webhook(self, platform: Platform, kind: FaultKind, person: str | None) -> Fault | None:
        """The rule of this kind that spoils a webhook about this person, if one does."""
        for fault in self._live(platform):
            if fault.kind == kind and fault.person in (None, person) and self._strikes(fault):
                return fault
        return None

    def _live(self, platform: Platform) -> list[Fault]:
        self._faults = [fault for fault in self._faults if not fault.is_over]
        return [fault for fault in self._faults if fault.platform == platform]

    def _strikes(self, fault: Fault) -> bool:
        if fault.share is not None and self._rng.random() >= fault.share:
            return False
        fault.hits += 1
        if fault.count_left is not None:
            fault.count_left -= 1
        return True
