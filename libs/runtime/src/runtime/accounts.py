"""Our bots and numbers: one of each from variables, any number from the file `TURNOUT_ACCOUNTS`.

```toml
[[telegram]]
token_file = "/run/secrets/bot-token"
secret_file = "/run/secrets/bot-secret"

[[whatsapp]]
phone_id = "106540352242922"
token_file = "/run/secrets/whatsapp-token"
token_expires_at = 2026-12-31T12:00:00Z
app_secret_file = "/run/secrets/app-secret"
verify_token_file = "/run/secrets/verify-token"
```

Every secret may stand in a file of its own, named by the key with `_file`; a relative path begins
at the folder of the TOML file. What a service cannot do without, it demands itself.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    ValidationError,
)

from contracts import topology
from contracts.topology import Tier
from runtime.live import Live, Made
from runtime.settings import PER_SECOND_MAX, AccountSettings, Misconfigured, read_secret

ACCOUNTS_MAX = 64
"""Each has a permit ring and connections of its own; more belong into another installation."""

_FILE = "_file"
_DIGITS = re.compile(r"[0-9]{1,32}")
"""Ids become names of streams, so nothing else may be in them."""

_Digits = Annotated[str, Field(pattern=f"^{_DIGITS.pattern}$")]
_PerSecond = Annotated[StrictInt, Field(ge=1, le=PER_SECOND_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramBot:
    """One bot."""

    account: str
    """Its id: the digits of its token."""
    place: str = field(compare=False)
    """Where it is described, for sentences; `named` makes use of it."""
    token: SecretStr | None = None
    secret: SecretStr | None = None
    secret_previous: SecretStr | None = None
    permits_per_second: int | None = None
    paid_broadcast: bool = False
    """Up to 1000 a second, for a fee above the free amount."""

    @property
    def permits(self) -> int:
        """How many calls one window allows."""
        if self.permits_per_second is not None:
            return self.permits_per_second
        if self.paid_broadcast:
            return topology.TELEGRAM_PAID_PERMITS_PER_SECOND
        return topology.TELEGRAM_PERMITS_PER_SECOND

    def named(self, key: str) -> str:
        """What an operator has to look for: `TELEGRAM_SECRET`, `secret of [[telegram]] 2 in …`."""
        return _named("telegram", self.place, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsAppNumber:
    """One business number, and the Meta app that its webhooks come from."""

    account: str
    """Its phone number ID."""
    place: str = field(compare=False)
    waba_id: str | None = None
    app_id: str | None = None
    token: SecretStr | None = None
    token_expires_at: datetime | None = None
    """None: never, or nobody has told us."""
    app_secret: SecretStr | None = None
    app_secret_previous: SecretStr | None = None
    verify_token: SecretStr | None = None
    permits_per_second: int | None = None
    throughput: int = 80
    """What Meta takes per second, in and out."""
    recipients_per_day: int = 0
    """How many people may be written to first in 24 h, by all numbers of the portfolio; 0: any."""
    portfolio: str | None = None

    @property
    def permits(self) -> int:
        """How many calls one window allows, what people write included."""
        if self.permits_per_second is not None:
            return self.permits_per_second
        return self.throughput - self.throughput // topology.WHATSAPP_RESERVE

    @property
    def tier(self) -> Tier | None:
        """The limit of people; None without one."""
        if not self.recipients_per_day:
            return None
        return Tier(portfolio=self.portfolio or self.account, recipients=self.recipients_per_day)

    def named(self, key: str) -> str:
        """As `TelegramBot.named`."""
        return _named("whatsapp", self.place, key)


@dataclass(frozen=True, slots=True)
class AccountBook:
    """All of them; the ones from variables first."""

    telegram: tuple[TelegramBot, ...] = ()
    whatsapp: tuple[WhatsAppNumber, ...] = ()


def telegram_account(token: SecretStr, name: str = "TELEGRAM_TOKEN") -> str:
    """The bot's id: the digits before the colon of its token.

    Raises:
        ValueError: this is no token of BotFather's.
    """
    account, _, password = token.get_secret_value().partition(":")
    if not _DIGITS.fullmatch(account) or not re.fullmatch(r"[\x21-\x7e]+", password):
        raise ValueError(f"{name} looks like 123456:ABC…; ask @BotFather for it")
    return account


def read_accounts(settings: AccountSettings) -> Made[AccountBook]:
    """The accounts that variables and files describe at this moment.

    Raises:
        Misconfigured: something makes no sense; the sentence names entry and key, never a value.
    """
    files = set(settings.files().values())
    try:
        settings = settings.read_again() if files else settings
    except ValidationError as error:
        raise Misconfigured.because_of(error) from None
    telegram, whatsapp = _from_variables(settings)
    if settings.turnout_accounts is not None:
        found = _File(settings.turnout_accounts)
        telegram += found.telegram
        whatsapp += found.whatsapp
        telegram = [_with_rate(one, settings.telegram_per_second) for one in telegram]
        whatsapp = [_with_rate(one, settings.whatsapp_per_second) for one in whatsapp]
        files |= found.files
    for platform, accounts in (("telegram", telegram), ("whatsapp", whatsapp)):
        _check_different(platform, accounts)
    _check_tiers(whatsapp)
    return Made(AccountBook(tuple(telegram), tuple(whatsapp)), frozenset(files))


def live_accounts(settings: AccountSettings) -> Live[AccountBook]:
    """The accounts, read again whenever a file changes.

    Raises:
        Misconfigured: as `read_accounts`.
    """
    return Live("accounts", lambda: read_accounts(settings))


def _from_variables(settings: AccountSettings) -> tuple[list[TelegramBot], list[WhatsAppNumber]]:
    telegram, whatsapp = [], []
    if settings.telegram_token or settings.telegram_secret or settings.telegram_secret_previous:
        if settings.telegram_token is None:
            raise Misconfigured(
                "TELEGRAM_TOKEN is not set, and without it nobody knows which bot TELEGRAM_SECRET "
                "is for: set TELEGRAM_TOKEN to the token that @BotFather gave you."
            )
        telegram.append(
            TelegramBot(
                account=_account_of(settings.telegram_token, "TELEGRAM_TOKEN"),
                place="",
                token=settings.telegram_token,
                secret=settings.telegram_secret,
                secret_previous=settings.telegram_secret_previous,
                permits_per_second=settings.telegram_per_second,
                paid_broadcast=settings.telegram_paid_broadcast,
            )
        )
    if (
        settings.whatsapp_phone_id
        or settings.whatsapp_token
        or settings.whatsapp_app_secret
        or settings.whatsapp_app_secret_previous
        or settings.whatsapp_verify_token
    ):
        if not _DIGITS.fullmatch(settings.whatsapp_phone_id or ""):
            raise Misconfigured(
                "WHATSAPP_PHONE_ID is missing or no number, and without it nobody knows which "
                "number the other variables are for: set WHATSAPP_PHONE_ID to the phone number "
                "ID of your number in Meta's app dashboard."
            )
        whatsapp.append(
            WhatsAppNumber(
                account=settings.whatsapp_phone_id or "",
                place="",
                waba_id=settings.whatsapp_waba_id,
                app_id=settings.whatsapp_app_id,
                token=settings.whatsapp_token,
                token_expires_at=settings.whatsapp_token_expires_at,
                app_secret=settings.whatsapp_app_secret,
                app_secret_previous=settings.whatsapp_app_secret_previous,
                verify_token=settings.whatsapp_verify_token,
                permits_per_second=settings.whatsapp_per_second,
                throughput=settings.whatsapp_throughput,
                recipients_per_day=settings.whatsapp_recipients_per_day,
                portfolio=settings.whatsapp_portfolio,
            )
        )
    return telegram, whatsapp


class _Entry(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True
    )


class _TelegramEntry(_Entry):
    id: _Digits | None = None
    token: SecretStr | None = None
    secret: SecretStr | None = None
    secret_previous: SecretStr | None = None
    permits_per_second: _PerSecond | None = None
    paid_broadcast: StrictBool = False


class _WhatsAppEntry(_Entry):
    phone_id: _Digits
    waba_id: _Digits | None = None
    app_id: _Digits | None = None
    token: SecretStr | None = None
    token_expires_at: AwareDatetime | None = None
    app_secret: SecretStr | None = None
    app_secret_previous: SecretStr | None = None
    verify_token: SecretStr | None = None
    permits_per_second: _PerSecond | None = None
    throughput: Literal[20, 80, 1000] = 80
    recipients_per_day: Annotated[StrictInt, Field(ge=0)] = 0
    portfolio: _Digits | None = None


E = TypeVar("E", bound=_Entry)


class _File:
    """One reading of the TOML file, and of the files that it names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files = {path}
        document = self._document()
        if unknown := sorted(document.keys() - {"telegram", "whatsapp"}):
            raise Misconfigured(
                f"TURNOUT_ACCOUNTS: {path.name} has the key {unknown[0]}, which means nothing; "
                "there are [[telegram]] and [[whatsapp]]."
            )
        self.telegram = [
            self._bot(entry, place)
            for entry, place in self._entries(document, "telegram", _TelegramEntry)
        ]
        self.whatsapp = [
            WhatsAppNumber(
                account=entry.phone_id, place=place, **entry.model_dump(exclude={"phone_id"})
            )
            for entry, place in self._entries(document, "whatsapp", _WhatsAppEntry)
        ]

    def _document(self) -> dict[str, Any]:
        text = read_secret("TURNOUT_ACCOUNTS", self._path)
        try:
            return tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(
                f"TURNOUT_ACCOUNTS: {self._path.name} is not TOML: {error}"
            ) from None

    def _entries(
        self, document: dict[str, Any], table: str, model: type[E]
    ) -> Iterator[tuple[E, str]]:
        tables = document.get(table, [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise Misconfigured(
                f"TURNOUT_ACCOUNTS: {self._path.name} begins each bot or number with a line "
                f"[[{table}]], with two brackets."
            )
        if len(tables) > ACCOUNTS_MAX:
            raise Misconfigured(
                f"TURNOUT_ACCOUNTS: {self._path.name} has more than {ACCOUNTS_MAX} [[{table}]]."
            )
        for number, values in enumerate(tables, 1):
            place = f"[[{table}]] {number} in {self._path.name}"
            yield self._entry(self._with_files(values, model, place), model, place), place

    def _with_files(self, values: dict[str, Any], model: type[E], place: str) -> dict[str, Any]:
        """The table with `key_file = "path"` replaced by `key = "what is in the file"`."""
        whole: dict[str, Any] = {}
        for key, value in values.items():
            base = key.removesuffix(_FILE)
            if base == key or base not in model.model_fields:
                whole[key] = value
                continue
            if base in values:
                raise Misconfigured(f"{place} has both {base} and {key}; one of them is enough.")
            if not isinstance(value, str) or not value:
                raise Misconfigured(f"{place}: {key} is not the path of a file.")
            path = self._path.parent / value
            self.files.add(path)
            whole[base] = read_secret(f"{key} of {place}", path)
        # An empty text means not set, as it does for variables.
        return {key: value for key, value in whole.items() if value not in ("", None)}

    def _entry(self, values: dict[str, Any], model: type[E], place: str) -> E:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            key = ".".join(str(part) for part in problem["loc"])
            match problem["type"]:
                case "extra_forbidden":
                    known = ", ".join(model.model_fields)
                    sentence = f"{place} has the key {key}, which means nothing; there are {known}."
                case "missing":
                    sentence = f"{place} has no {key}."
                case "string_pattern_mismatch":
                    sentence = f"{place}: {key} consists of digits."
                case "string_type":
                    sentence = f"{place}: {key} is no text."
                case "bool_type":
                    sentence = f"{place}: {key} is true or false."
                case "int_type" | "greater_than_equal" | "less_than_equal":
                    sentence = f"{place}: {key} is a whole number{_bounds(problem)}."
                case "literal_error":
                    sentence = f"{place}: {key} is {problem['ctx']['expected']}."
                case _:
                    sentence = f"{place}: {key} is no time with a zone: 2026-12-31T12:00:00Z is."
            raise Misconfigured(sentence) from None

    def _bot(self, entry: _TelegramEntry, place: str) -> TelegramBot:
        account = entry.id
        if entry.token is not None:
            account = _account_of(entry.token, f"token of {place}")
            if entry.id not in (None, account):
                raise Misconfigured(f"{place}: id and token are of two bots; leave id out.")
        if account is None:
            raise Misconfigured(
                f"{place} has neither token nor id, so nobody knows which bot it is about."
            )
        return TelegramBot(account=account, place=place, **entry.model_dump(exclude={"id"}))


def _account_of(token: SecretStr, name: str) -> str:
    try:
        return telegram_account(token, name)
    except ValueError as error:
        raise Misconfigured(str(error)) from None


def _named(platform: str, place: str, key: str) -> str:
    return f"{key} of {place}" if place else f"{platform}_{key}".upper()


A = TypeVar("A", TelegramBot, WhatsAppNumber)


def _with_rate(account: A, permits_per_second: int | None) -> A:
    """The account with the platform's rate where it has none of its own."""
    if account.permits_per_second is not None or permits_per_second is None:
        return account
    return replace(account, permits_per_second=permits_per_second)


def _check_tiers(numbers: list[WhatsAppNumber]) -> None:
    """A portfolio has one limit of people, whichever of its numbers writes."""
    tiers: dict[str, Tier] = {}
    for number in numbers:
        if number.tier is None:
            continue
        if tiers.setdefault(number.tier.portfolio, number.tier) != number.tier:
            raise Misconfigured(
                f"{number.named('recipients_per_day')} differs from that of another number of the "
                f"same portfolio; Meta has one limit for all of them."
            )


def _bounds(problem: Mapping[str, Any]) -> str:
    bounds = problem.get("ctx", {})
    if "le" in bounds:
        return f" of at most {bounds['le']}"
    return f" of at least {bounds['ge']}" if "ge" in bounds else ""


def _check_different(platform: str, accounts: list[TelegramBot] | list[WhatsAppNumber]) -> None:
    seen: dict[str, str] = {}
    for one in accounts:
        place = one.place or f"the variables {platform.upper()}_…"
        if one.account in seen:
            raise Misconfigured(
                f"{seen[one.account]} and {place} are about the same account; keep one of them."
            )
        seen[one.account] = place
