"""`./task webhooks`: what the platforms know of our webhooks, and setting it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from gateway.settings import Settings
from gateway.webhooks.addresses import public_url
from gateway.webhooks.asking import client
from gateway.webhooks.every import webhooks_of
from gateway.webhooks.findings import PASSING, CannotSet, Report, Webhook
from gateway.webhooks.table import as_json, as_table
from runtime.accounts import read_accounts
from runtime.clock import Clock
from runtime.settings import Misconfigured

WELL, WRONG, REFUSED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Show, register or repair; 1 when something is wrong afterwards, 2 when nobody could look."""
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
        prog="./task webhooks --",
        description="The webhooks of every bot and number of ours, as the platforms know them. "
        "Exits with 1 when something is wrong with one, with 2 when they could not be looked at.",
    )
    parser.add_argument(
        "verb",
        nargs="?",
        choices=("show", "register", "repair"),
        default="show",
        help="show (the default); register: set everything; repair: set only what differs",
    )
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.add_argument(
        "--platform", choices=("telegram", "whatsapp"), help="only the accounts of this one"
    )
    return parser


async def _run(options: argparse.Namespace, settings: Settings) -> int:
    book = read_accounts(settings).value
    if not book.telegram and not book.whatsapp:
        raise Misconfigured(
            "There is no account to look at: set TELEGRAM_TOKEN and TELEGRAM_SECRET, or "
            "WHATSAPP_TOKEN, WHATSAPP_PHONE_ID, WHATSAPP_WABA_ID and WHATSAPP_VERIFY_TOKEN, or "
            "TURNOUT_ACCOUNTS; or start ./task demo"
        )
    url = public_url(settings.public_url, is_demo=settings.turnout_test)
    clock = Clock(settings.turnout_clock_file if settings.turnout_test else None)
    async with client() as http:
        webhooks, reports = webhooks_of(
            book, settings, http, clock, public_url=url, shakes_hands=True
        )
        webhooks = [w for w in webhooks if options.platform in (None, w.platform)]
        reports = [r for r in reports if options.platform in (None, r.platform)]
        done: dict[str, list[str]] = {}
        for webhook in webhooks:
            report, done[webhook.account] = await _treat(webhook, options.verb)
            reports.append(report)
    sys.stdout.write((as_json if options.json else as_table)(reports, done))
    # What passes by itself is no failure of a command that has set what there was to set.
    passing = PASSING - {"away"} if options.verb != "show" else frozenset()
    wrong = {finding.name for report in reports for finding in report.findings} - passing
    return WRONG if wrong else WELL


async def _treat(webhook: Webhook, verb: str) -> tuple[Report, list[str]]:
    """What is to be said of one webhook after the verb."""
    done: list[str] = []
    refusal = None
    try:
        if verb == "register":
            done = await webhook.register()
        elif verb == "repair":
            done = await webhook.repair() or ["nothing differed, nothing was set"]
    except CannotSet as error:
        refusal = error.finding
    report = await webhook.inspect()
    if refusal is None or refusal in report.findings:
        return report, done
    return (
        Report(
            platform=report.platform,
            account=report.account,
            title=report.title,
            facts=report.facts,
            findings=(refusal, *report.findings),
            pending_updates=report.pending_updates,
            is_known=report.is_known,
        ),
        done,
    )


if __name__ == "__main__":
    sys.exit(main())
