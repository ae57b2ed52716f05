"""Keeps what Meta says of our templates, so that nothing is sent that it would refuse.

Every account has one document in the bucket `templates`. All replicas look at it; the one that
finds it old says in it that it asks, and asks. Meta's answer to a message may show earlier that
something has changed: that is written down at once, and Meta is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import NAMESPACE_URL, uuid5

import structlog
from pydantic import SecretStr

from contracts.topology import TEMPLATES
from notifier.alerts import Alert
from notifier.templates.catalogue import LANGUAGE_CODES, LANGUAGES, Language, catalogue
from notifier.templates.comparing import UNDER_WAY
from notifier.templates.graph import Listed, Refused, TemplateApi, client
from notifier.templates.standing import NOTHING_KNOWN, Account, Approval, Approvals, key
from runtime.accounts import AccountBook
from runtime.documents import Conflict, Documents
from runtime.failures import Unavailable
from runtime.live import Live
from runtime.metrics import gauge
from runtime.service import Service

LOOK_SECONDS = 5.0
"""Between two looks at the document; what one replica learns, the others know after this."""
SYNC_AFTER = timedelta(minutes=5)
"""Twelve questions an hour, of the 200 that Meta's management API answers (platforms.md B5)."""
ASK_AFTER = timedelta(minutes=1)
"""Between two questions, whatever happens: 60 an hour at most. A replica that died while it asked
holds the others up for as long."""
LONGEST_SHOWN = 20
NAMED_MAX = 3
"""Templates that an alert names."""

_not_approved = gauge(
    "turnout_templates_not_approved",
    "Templates that notices need, in one language, and that an account may not send.",
    ("account",),
)

log = structlog.get_logger()


class Board:
    """What every account says of its templates; entered before the first message."""

    def __init__(
        self,
        service: Service,
        accounts: Live[AccountBook],
        api_url: str,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._service = service
        self._clock = service.clock
        self._accounts = accounts
        self._api_url = api_url
        self._look_seconds = look_seconds
        self._known: dict[str, Account] = {}
        self._complaints: dict[str, tuple[str, ...]] = {}
        self._wake = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.alert: Callable[[Alert], Awaitable[bool]] | None = None
        """Tells the admin; False: it must be tried again."""

    async def __aenter__(self) -> Self:
        self._documents = await self._service.broker.bucket(TEMPLATES)
        self._http = client()
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._http.aclose()

    def of(self, phone_id: str) -> "NumberTemplates":
        """The templates of one number."""
        return NumberTemplates(self, phone_id)

    def approvals(self, phone_id: str) -> Approvals:
        """What is known for a number; nothing as long as nobody told its business account."""
        account = self._known.get(self._waba_ids().get(phone_id, ""))
        return Approvals.as_of(account, self._clock.now()) if account else NOTHING_KNOWN

    async def doubt(self, phone_id: str, name: str, language: Language, status: str) -> None:
        """A message has shown that a template may not be sent; Meta is asked what there is to it.

        Args:
            phone_id: the number that sent it.
            name: the template.
            language: in which language.
            status: what it is, as far as the refusal tells: missing, paused, disabled.

        Raises:
            Unavailable: the broker does not answer.
        """
        waba_id = self._waba_ids().get(phone_id)
        if waba_id is None:
            return
        now = self._clock.now()
        place = key(name, LANGUAGE_CODES[language])

        def doubted(account: Account) -> Account:
            before = account.approvals.get(place)
            category = before.category if before else ""
            approval = Approval(status=status, category=category)
            return account.model_copy(
                update={"doubted_at": now, "approvals": {**account.approvals, place: approval}}
            )

        self._take(waba_id, await self._change(waba_id, doubted))
        log.warning("template may not be sent", account=waba_id, template=place, status=status)
        self._wake.set()

    async def detail(self) -> Mapping[str, object]:
        """For `/health`: what is known of each account."""
        return {
            waba_id: {
                "synced_at": account.synced_at,
                "refusal": account.refusal,
                "not_approved": self._complaints.get(waba_id, ())[:LONGEST_SHOWN],
            }
            for waba_id, account in self._known.items()
        }

    def _waba_ids(self) -> dict[str, str]:
        return {
            number.account: number.waba_id
            for number in self._accounts.current.whatsapp
            if number.waba_id is not None
        }

    def _tokens(self) -> dict[str, SecretStr]:
        return {
            number.waba_id: number.token
            for number in reversed(self._accounts.current.whatsapp)
            if number.waba_id is not None and number.token is not None
        }

    async def _look(self) -> None:
        while True:
            for waba_id, token in self._tokens().items():
                try:
                    await self._look_at(waba_id, token)
                except Unavailable as error:
                    # What is known stays; the broker's absence is told by others.
                    log.info("templates not looked at", missing=error.what)
                except Exception:  # one account's trouble must not end the looking
                    log.exception("templates not looked at", account=waba_id)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._look_seconds)
            self._wake.clear()

    async def _look_at(self, waba_id: str, token: SecretStr) -> None:
        stored = await self._documents.read(waba_id)
        account = Account.model_validate_json(stored[0]) if stored else Account()
        self._take(waba_id, account)
        now = self._clock.now()
        if not is_due(account, now):
            return
        asking = account.model_copy(update={"asked_at": now})
        try:
            await _write(self._documents, waba_id, asking, stored[1] if stored else None)
        except Conflict:
            return  # somebody else asks
        told = await self._ask(waba_id, token, now)
        account = await self._change(waba_id, told)
        self._take(waba_id, account)
        await self._tell(waba_id, account)

    async def _ask(
        self, waba_id: str, token: SecretStr, now: datetime
    ) -> Callable[[Account], Account]:
        try:
            listed = await TemplateApi(self._http, self._api_url, waba_id, token).listed()
        except Refused as refusal:
            sentence = str(refusal)
            log.warning("templates not told", account=waba_id, reason=sentence)
            return lambda account: account.model_copy(update={"refusal": sentence})
        approvals = {key(one.name, one.language): _approval(one) for one in listed if _is_ours(one)}
        # As of when it was asked: a doubt that came meanwhile is looked at once more.
        update = {"synced_at": now, "refusal": None, "approvals": approvals}
        return lambda account: account.model_copy(update=update)

    async def _tell(self, waba_id: str, account: Account) -> None:
        """Tell the admin, once, of what will not be approved by waiting."""
        shut = _shut(account, self._clock.now())
        if shut == account.told:
            return
        if new := [place for place in shut if place not in account.told]:
            numbers = [phone_id for phone_id, waba in self._waba_ids().items() if waba == waba_id]
            approval = account.approvals.get(new[0])
            alert = Alert(
                id=uuid5(NAMESPACE_URL, f"{waba_id} {account.synced_at} {new}"),
                kind="template",
                platform="whatsapp",
                account=numbers[0] if numbers else waba_id,
                reason=approval.status if approval else "missing",
                template=", ".join(new[:NAMED_MAX]) + (" …" if len(new) > NAMED_MAX else ""),
            )
            if self.alert is not None and not await self.alert(alert):
                return
        await self._change(waba_id, lambda now: now.model_copy(update={"told": shut}))

    async def _change(self, waba_id: str, change: Callable[[Account], Account]) -> Account:
        while True:
            stored = await self._documents.read(waba_id)
            account = change(Account.model_validate_json(stored[0]) if stored else Account())
            try:
                await _write(self._documents, waba_id, account, stored[1] if stored else None)
            except Conflict:
                continue
            return account

    def _take(self, waba_id: str, account: Account) -> None:
        """Go by this from now on, and complain once when notices cannot be sent."""
        self._known[waba_id] = account
        missing = not_approved(Approvals.as_of(account, self._clock.now()))
        _not_approved.labels(account=waba_id).set(len(missing))
        before = self._complaints.get(waba_id, ())
        self._complaints[waba_id] = missing
        if missing and missing != before:
            log.error(
                "templates not approved",
                account=waba_id,
                templates=missing[:LONGEST_SHOWN],
                remedy="./task templates",
            )
        elif before and not missing:
            log.info("templates approved", account=waba_id)


@dataclass(frozen=True, slots=True)
class NumberTemplates:
    """See `AccountTemplates`."""

    board: Board
    phone_id: str

    def approvals(self) -> Approvals:
        """What is known of them now."""
        return self.board.approvals(self.phone_id)

    async def doubt(self, name: str, language: Language, status: str) -> None:
        """See `Board.doubt`."""
        await self.board.doubt(self.phone_id, name, language, status)


def is_due(account: Account, now: datetime) -> bool:
    """Whether Meta is to be asked now; often, as long as something is missing."""
    if account.asked_at is not None and abs(now - account.asked_at) < ASK_AFTER:
        return False
    synced_at, doubted_at = account.synced_at, account.doubted_at
    if synced_at is None or (doubted_at is not None and doubted_at > synced_at):
        return True
    incomplete = bool(not_approved(Approvals(account, known=True)))
    return incomplete or abs(now - synced_at) >= SYNC_AFTER


def not_approved(approvals: Approvals) -> tuple[str, ...]:
    """The templates of notices that may not be sent, as `name/language`."""
    return tuple(
        key(template.name, LANGUAGE_CODES[language])
        for template in catalogue().values()
        # A code is asked for by somebody who is there, and its template not every account's.
        if template.category != "authentication"
        for language in LANGUAGES
        if approvals.usable(template.name, language) == "no"
    )


def _shut(account: Account, now: datetime) -> tuple[str, ...]:
    """What notices need, may not be sent, and will not be approved by waiting."""
    return tuple(
        place
        for place in not_approved(Approvals.as_of(account, now))
        if place not in account.approvals or account.approvals[place].status not in UNDER_WAY
    )


def _is_ours(listed: Listed) -> bool:
    return listed.name in catalogue()


def _approval(listed: Listed) -> Approval:
    return Approval(status=listed.status, category=listed.category, reason=listed.rejected_reason)


async def _write(
    documents: Documents, waba_id: str, account: Account, revision: int | None
) -> None:
    value = account.model_dump_json(exclude_defaults=True).encode()
    if revision is None:
        await documents.create(waba_id, value)
    else:
        await documents.replace(waba_id, value, revision)
