"""`./task templates`: what every WhatsApp account says of our templates, and submitting them."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from pydantic import SecretStr, ValidationError

from notifier.settings import Settings
from notifier.templates.catalogue import catalogue
from notifier.templates.comparing import APPROVED, MISSING, UNDER_WAY, Standing, compare
from notifier.templates.graph import AlreadyThere, Refused, TemplateApi, client
from notifier.templates.rules import problems
from runtime.accounts import read_accounts
from runtime.settings import Misconfigured

WELL, WRONG, REFUSED = 0, 1, 2


@dataclass(slots=True)
class Account:
    """One WhatsApp business account, which may have several numbers."""

    waba_id: str
    token: SecretStr
    standings: list[Standing] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    """What was not done, and why, in sentences."""
    unknown: str | None = None
    """Why the account could not be looked at."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or submit; 1 when something is wrong afterwards, 2 when nobody could look."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options, Settings()))
    except ValidationError as error:
        sys.stderr.write(f"{Misconfigured.because_of(error)}\n")
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
    return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./task templates --",
        description="Our WhatsApp templates as each business account has them. `status` exits with "
        "1 unless all are approved and in our words; `submit` exits with 1 if one was refused, or "
        "will not be approved by waiting; both with 2 when no account could be looked at.",
    )
    parser.add_argument(
        "verb",
        nargs="?",
        choices=("status", "submit"),
        default="status",
        help="status (the default); submit: create what is missing, and show",
    )
    parser.add_argument("--json", action="store_true", help="for scripts")
    return parser


async def _run(options: argparse.Namespace, settings: Settings) -> int:
    if found := [problem for one in catalogue().values() for problem in problems(one)]:
        raise Misconfigured("\n".join(found))
    accounts, skipped = _accounts(settings)
    async with client() as http:
        for account in accounts:
            api = TemplateApi(http, settings.whatsapp_api_url, account.waba_id, account.token)
            await _treat(api, account, submits=options.verb == "submit")
    sys.stdout.write((_as_json if options.json else _as_table)(accounts, skipped))
    if any(account.unknown for account in accounts):
        return REFUSED
    fine = UNDER_WAY if options.verb == "submit" else {APPROVED}
    wrong = any(
        account.refusals or any(one.status not in fine or one.differs for one in account.standings)
        for account in accounts
    )
    return WRONG if wrong else WELL


def _accounts(settings: Settings) -> tuple[list[Account], list[str]]:
    """Each business account once, with the token of its first number; and what is left out.

    Raises:
        Misconfigured: there is none.
    """
    accounts: dict[str, Account] = {}
    skipped = []
    for number in read_accounts(settings).value.whatsapp:
        if number.token is None:
            continue
        if number.waba_id is None:
            skipped.append(
                f"{number.named('waba_id')} is not set, so nobody knows which WhatsApp business "
                f"account has the templates of the number {number.account}; the id is in Meta's "
                "app dashboard"
            )
        else:
            accounts.setdefault(number.waba_id, Account(number.waba_id, number.token))
    if not accounts:
        raise Misconfigured(
            "\n".join(skipped)
            or "There is no account to look at: set WHATSAPP_TOKEN, WHATSAPP_PHONE_ID and "
            "WHATSAPP_WABA_ID, or TURNOUT_ACCOUNTS; or start ./task demo"
        )
    return list(accounts.values()), skipped


async def _treat(api: TemplateApi, account: Account, *, submits: bool) -> None:
    """Look at one account, and create what it does not have."""
    try:
        account.standings = compare(catalogue().values(), await api.listed())
    except Refused as refusal:
        account.unknown = str(refusal)
        return
    if submits:
        account.standings = [await _submitted(api, account, one) for one in account.standings]


async def _submitted(api: TemplateApi, account: Account, standing: Standing) -> Standing:
    if standing.status != MISSING:
        return standing
    title = f"{standing.name} ({standing.language})"
    try:
        status = await api.create(catalogue()[standing.name], standing.language)
    except AlreadyThere:
        # Somebody else submits at this moment, or its name is still being deleted.
        account.refusals[title] = "Meta has that name and language already; look again later"
        return standing
    except Refused as refusal:
        account.refusals[title] = str(refusal)
        return standing
    account.submitted.append(title)
    return replace(standing, status=status)


def _as_table(accounts: Sequence[Account], skipped: Sequence[str]) -> str:
    blocks = ["\n".join(_block(account)) for account in accounts]
    return "\n\n".join([*blocks, *(f"! {sentence}" for sentence in skipped)]) + "\n"


def _block(account: Account) -> list[str]:
    if account.unknown is not None:
        return [f"account {account.waba_id}: cannot be looked at", f"  ! {account.unknown}"]
    approved = sum(one.status == APPROVED for one in account.standings)
    lines = [f"account {account.waba_id}: {approved} of {len(account.standings)} approved"]
    width = max(len(one.name) for one in account.standings)
    lines += [
        f"  {one.name:<{width}}  {one.language}  {_told(one)}".rstrip() for one in account.standings
    ]
    lines += [f"  + submitted {title}" for title in account.submitted]
    lines += [f"  ! {title}: {why}" for title, why in account.refusals.items()]
    remedies: Mapping[str, None] = dict.fromkeys(
        f"  -> {_told(one)}: {one.remedy}" for one in account.standings if one.remedy
    )
    return [*lines, *remedies]


def _told(standing: Standing) -> str:
    reason = f" ({standing.reason})" if standing.reason else ""
    differs = f", but {' and '.join(standing.differs)} differ" if standing.differs else ""
    return f"{standing.status}{reason}{differs}"


def _as_json(accounts: Sequence[Account], skipped: Sequence[str]) -> str:
    told = [
        {
            "waba_id": account.waba_id,
            "unknown": account.unknown,
            "templates": [asdict(one) | {"remedy": one.remedy} for one in account.standings],
            "submitted": account.submitted,
            "refusals": account.refusals,
        }
        for account in accounts
    ]
    whole = {"accounts": told, "skipped": list(skipped)}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
