"""A sender for each account: a message goes out through its own, or not at all."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

import structlog
from pydantic import SecretStr

from contracts import AccountsAnswer, Address, ListAccounts, OutboundMessage, Platform
from contracts.address import subject_token
from contracts.topology import LEDGER, MAIL_ACCOUNT, MEDIA, PEERS, PLATFORMS, Tier, wake_lanes
from notifier import measures
from notifier.accounts import Accounts
from notifier.alerts import Alerts
from notifier.channel import Channel
from notifier.credentials import Credentials, Spoken
from notifier.decisions import Settle
from notifier.email_channel import EmailChannel
from notifier.email_rendering import Sender as MailSender
from notifier.email_server import MailServer
from notifier.handlers import Sender
from notifier.ledger import Ledger
from notifier.limits import Allowed
from notifier.parking.wakes import Wake, read_wake
from notifier.parking.waking import Waker
from notifier.peers import Peers
from notifier.results import Results
from notifier.settings import Settings
from notifier.telegram import TelegramChannel
from notifier.templates.syncing import Board
from notifier.vanishing import Vanishing
from notifier.verdicts import Stopped
from notifier.whatsapp import WhatsappChannel
from runtime.accounts import AccountBook, read_accounts
from runtime.failures import Reject
from runtime.live import Live, Made
from runtime.service import Service
from runtime.settings import Misconfigured

NO_TOKEN = "no-token-for-account"  # noqa: S105 - the reason in a message's result
NO_MAIL_SERVER = "no-mail-server"

log = structlog.get_logger()

Key = tuple[Platform, str]
"""A platform, and an account of ours there."""


def live_accounts(settings: Settings) -> Live[AccountBook]:
    """The accounts that variables and files describe, read again when a file changes.

    Raises:
        Misconfigured: something makes no sense, or there is nobody to speak for.
    """

    def make() -> Made[AccountBook]:
        book = read_accounts(settings)
        if not _tokens(book.value):
            raise Misconfigured(
                "The notifier would speak for nobody: give TELEGRAM_TOKEN, or WHATSAPP_TOKEN with "
                "WHATSAPP_PHONE_ID, or tokens in the file that TURNOUT_ACCOUNTS names."
            )
        return book

    return Live("accounts", make)


def mail_of(settings: Settings) -> tuple[MailServer, MailSender] | None:
    """The mail server and who writes; None: no e-mail to people.

    Raises:
        Misconfigured: something makes no sense.
    """
    if settings.mail_from is None:
        return None
    if settings.smtp_url is None:
        raise Misconfigured("MAIL_FROM is set, and SMTP_URL is not: nobody would take our e-mail.")
    return MailServer.of(settings.smtp_url), MailSender.of(settings.mail_from)


def platforms(book: AccountBook) -> tuple[Platform, ...]:
    """Those for which there is a token."""
    served = {platform for platform, _ in _tokens(book)}
    return tuple(platform for platform in PLATFORMS if platform in served)


@dataclass(slots=True)
class _Desk:
    """A sender, and who is at it."""

    token: SecretStr
    sender: Sender[Any]
    allowed: Allowed
    busy: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.idle.set()

    @property
    def mark(self) -> str:
        """Tells one token from the next, and nothing about either."""
        return sha256(self.token.get_secret_value().encode()).hexdigest()[:12]

    async def send(self, message: OutboundMessage, *, parked: bool) -> None:
        self.busy += 1
        self.idle.clear()
        try:
            if parked:
                await self.sender.handle_parked(message)
            else:
                await self.sender.handle(message)
        finally:
            self.busy -= 1
            if not self.busy:
                self.idle.set()


class Senders:
    """The senders of the moment; entered before the first message, left after the last."""

    def __init__(
        self, service: Service, accounts: Live[AccountBook], settings: Settings, board: Board
    ) -> None:
        self._service = service
        self._board = board
        self._accounts = accounts
        self._settings = settings
        self._served = platforms(accounts.current)
        self._mail = mail_of(settings)
        self.names = Accounts(self.channels)
        """What our bots and numbers are called."""
        self._desks: dict[Key, _Desk] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._woken: set[Key] = set()
        alerts = Alerts(service.broker, service.clock, settings, self._working)
        board.alert = alerts.tell
        self._credentials = Credentials(
            service.broker,
            service.clock,
            alerts,
            self._spoken,
            admin_chat=settings.admin_telegram_chat,
            probe_every=timedelta(seconds=settings.account_probe_seconds),
        )
        for key in self._tokens(accounts.current):
            self._hear_wakes(key)

    async def __aenter__(self) -> Self:
        broker = self._service.broker
        ledger, self._peers = await broker.bucket(LEDGER), await broker.bucket(PEERS)
        self._media = await broker.bucket(MEDIA)
        self._results = Results(broker, self._service.clock, Ledger(ledger), serves=self._serves)
        self._results.tell(self._credentials.settled)
        self._waker = Waker(
            broker,
            Peers(self._peers),
            self._results,
            Vanishing(broker, self._peers),
            send=self._send_parked,
            give_up=self.give_up,
        )
        self._follow(self._accounts.current)
        self._accounts.tell(self._follow)
        await self._credentials.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._credentials.__aexit__(kind, error, trace)
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await asyncio.gather(*(desk.sender.close() for desk in self._desks.values()))

    async def handle(self, message: OutboundMessage) -> None:
        """The person gets the message from the account that they wrote to, or its result says why.

        Raises:
            Reject: there is no token for that account.
            Retry: not now, but soon.
            Unavailable: the broker does not answer.
        """
        if message.address.platform == "email" and self._mail is None:
            await self._without_mail(message)
        else:
            await self._desk(message).send(message, parked=False)

    @property
    def listens_to(self) -> tuple[Platform, ...]:
        """Whose messages are taken. E-mails always: without a server, that is their result."""
        return (*self._served, "email")

    async def _without_mail(self, message: OutboundMessage) -> None:
        """There is no server to hand an e-mail to: that is its result, and it goes another way."""
        record = await self._results.open(message)
        if not record.settled:
            lost = record.entry.state == "attempting"
            settle = (
                Settle("unknown", "answer-lost") if lost else Settle("suppressed", NO_MAIL_SERVER)
            )
            await self._results.settle(message, record, settle)
        await self._results.report(message, record)

    async def _chats(self) -> AccountsAnswer:
        return await self.names.list_accounts(ListAccounts())

    async def wake(self, wake: Wake) -> None:
        """A parked chat goes on, as far as it may.

        Raises:
            Unavailable: the broker does not answer, or the platform.
        """
        await self._waker.handle(wake)

    async def _send_parked(self, message: OutboundMessage) -> None:
        await self._desk(message).send(message, parked=True)

    def _desk(self, message: OutboundMessage) -> _Desk:
        desk = self._desks.get((message.address.platform, message.address.account))
        if desk is None:
            raise Reject(NO_TOKEN)
        return desk

    def _serves(self, address: Address) -> bool:
        return (address.platform, address.account) in self._desks

    async def give_up(self, message: OutboundMessage, reason: str) -> None:
        """The message is set aside for a human: that is its result."""
        if reason == NO_TOKEN:
            measures.unknown_accounts.labels(platform=message.address.platform).inc()
        await self._results.set_aside(message, reason if reason == NO_TOKEN else "set-aside")

    def holding(self, platform: str, account_token: str) -> str:
        """What the parked chats of an account wait for, in a word; the account as in subjects."""
        for (served, account), desk in self._desks.items():
            if (served, subject_token(account)) == (platform, account_token):
                return desk.sender.holding
        return "no-token"

    def channels(self) -> list[Channel[Any]]:
        """The channels of the moment, the accounts of the variables first."""
        return [desk.sender.channel for desk in self._desks.values()]

    async def stop(self, key: Key, verdict: Stopped) -> None:
        """The platform refuses an account: nothing goes out by it, on no replica."""
        await self._credentials.stop(key, verdict)

    def tier_of(self, address: Address) -> Tier | None:
        """The limit of people that this address counts for, if there is one."""
        if address.platform != "whatsapp":
            return None
        return _tier(address.account, self._accounts.current)

    def _spoken(self) -> dict[Key, Spoken]:
        numbers = self._accounts.current.whatsapp
        ends: dict[Key, datetime | None] = {
            ("whatsapp", number.account): number.token_expires_at for number in numbers
        }
        return {
            key: Spoken(desk.sender.channel, desk.sender.outage, desk.mark, ends.get(key))
            for key, desk in self._desks.items()
        }

    def _working(self, platform: Platform) -> list[tuple[str, bool]]:
        return [(sender.channel.account, sender.problem is None) for sender in self._of(platform)]

    async def check_rings(self, platform: Platform) -> None:
        """Readiness: without its ring's consumer an account never gets a permit."""
        for sender in self._of(platform):
            await sender.check_ring()

    async def check_channels(self, platform: Platform) -> None:
        """Readiness: the platform takes messages, as far as the last calls showed."""
        reasons = [
            f"{sender.channel.account}: {sender.problem}"
            for sender in self._of(platform)
            if sender.problem is not None
        ]
        if reasons:
            raise ConnectionError(f"nothing goes out for {'; '.join(reasons)}")

    def _of(self, platform: Platform) -> list[Sender[Any]]:
        return [desk.sender for key, desk in self._desks.items() if key[0] == platform]

    def _follow(self, book: AccountBook) -> None:
        """Have a sender for each token; what is under way is finished by the old one."""
        tokens, before = self._tokens(book), self._desks
        self._desks = {}
        for key, token in tokens.items():
            desk = before.pop(key, None)
            allowed = self._allowed(key, book)
            if desk is not None and (desk.token, desk.allowed) == (token, allowed):
                self._desks[key] = desk
                continue
            if desk is not None:
                self._leave(desk)
                log.info("token or limits changed", platform=key[0], account=key[1])
            self._desks[key] = _Desk(token, self._sender(key, token, allowed), allowed)
            self._hear_wakes(key)
            if key[0] not in self.listens_to:
                # What to listen to is said when the service starts.
                log.warning("restart to serve it", platform=key[0], account=key[1])
        for key, desk in before.items():
            self._leave(desk)
            log.warning("account has no token any more", platform=key[0], account=key[1])

    def _tokens(self, book: AccountBook) -> dict[Key, SecretStr]:
        tokens = _tokens(book)
        if self._mail is not None and self._settings.smtp_url is not None:
            # What is in its place for e-mail: with whom to speak, and as whom.
            tokens["email", MAIL_ACCOUNT] = self._settings.smtp_url
        return tokens

    def _hear_wakes(self, key: Key) -> None:
        """Each account has lanes of its own for them, so that its outage holds up nobody else."""
        if key not in self._woken:
            self._woken.add(key)
            self._service.on(wake_lanes(*key), Wake, self.wake, decode=read_wake)

    def _sender(self, key: Key, token: SecretStr, allowed: Allowed) -> Sender[Any]:
        channel: Channel[Any]
        if key[0] == "telegram":
            channel = TelegramChannel(
                token,
                self._settings.telegram_api_url,
                self._media,
                paid_broadcast=allowed.paid_broadcast,
            )
        elif key[0] == "email":
            assert self._mail is not None
            channel = EmailChannel(*self._mail, self._service.clock, self._chats)
        else:
            channel = WhatsappChannel(key[1], token, self._settings.whatsapp_api_url, self._media)
        return Sender(
            self._service,
            channel,
            self._results,
            self._peers,
            self._credentials.watch(key),
            self._board.of(key[1]) if key[0] == "whatsapp" else None,
            allowed,
        )

    def _allowed(self, key: Key, book: AccountBook) -> Allowed:
        """What settings and files say of an account's limits now."""
        settings = self._settings
        paid = any(bot.paid_broadcast for bot in book.telegram if ("telegram", bot.account) == key)
        return Allowed(
            replicas_max=settings.notifier_replicas_max,
            paces=settings.paces,
            tier=_tier(key[1], book) if key[0] == "whatsapp" else None,
            paid_broadcast=paid,
        )

    def _leave(self, desk: _Desk) -> None:
        async def leave() -> None:
            try:
                await desk.idle.wait()
            finally:
                await desk.sender.close()

        task = asyncio.create_task(leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _tier(number: str, book: AccountBook) -> Tier | None:
    return next((one.tier for one in book.whatsapp if one.account == number), None)


def _tokens(book: AccountBook) -> dict[Key, SecretStr]:
    bots: dict[Key, SecretStr] = {
        ("telegram", bot.account): bot.token for bot in book.telegram if bot.token is not None
    }
    numbers: dict[Key, SecretStr] = {
        ("whatsapp", number.account): number.token
        for number in book.whatsapp
        if number.token is not None
    }
    return bots | numbers
