"""`./task dead`: look at what was set aside, send it again, discard it, forget a chat's."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError
from pydantic import ValidationError

from contracts import Address
from contracts.topology import CHANNELS
from runtime import faults
from runtime.dead.choosing import Choice, read_time
from runtime.dead.forgetting import forget
from runtime.dead.letters import Letter, Letters
from runtime.dead.redriving import REDRIVES_PER_SECOND, Tally, redrive
from runtime.dead.showing import as_json, as_table, as_text
from runtime.settings import Misconfigured, ServiceSettings

DONE, NOT_ALL, REFUSED, INTERRUPTED = 0, 1, 2, 130
CONNECT_SECONDS_MAX = 5
EPILOG = (
    "Ends with 0 when it did what it says, 1 when nothing matches or not everything could be done, "
    "2 when it could do nothing. ID is a number that `list --each` shows, or a message's id."
)


class Refused(Exception):
    """Nothing can be done; the message is a sentence that says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns how it ended."""
    options = _parser().parse_args(arguments)
    try:
        settings = ServiceSettings()
        faults.plant(settings)
        return asyncio.run(_run(options, settings))
    except ValidationError as error:
        _say(f"{Misconfigured.because_of(error)}")
    except (Misconfigured, Refused) as error:
        _say(f"{error}")
    return REFUSED


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./task dead --", description="What was set aside in DEAD.", epilog=EPILOG
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument("--id", action="append", default=[], help="this one; may be repeated")
    chosen.add_argument("--reason", help="reasons that begin like this")
    chosen.add_argument("--origin", help="set aside by this consumer, or by `gateway`")
    chosen.add_argument("--subject", help="of this kind, e.g. inbound or outbound.reply")
    chosen.add_argument("--broadcast", type=UUID, help="of this message to many")
    chosen.add_argument("--since", help="not older than 90m, 6h, 3d, or a date (and time)")

    listing = verbs.add_parser("list", parents=[chosen], help="count them, by origin and reason")
    listing.add_argument("--each", action="store_true", help="one line for each")
    listing.add_argument("--discarded", action="store_true", help="those that were discarded")
    listing.add_argument("--json", action="store_true", help="for scripts; shows no body either")

    showing = verbs.add_parser("show", help="one, with its body: what a person wrote or reads")
    showing.add_argument("id", help="its number, or the message's id")

    again = verbs.add_parser("redrive", parents=[chosen], help="send them again, oldest first")
    again.add_argument("--all", action="store_true", help="every one there is")
    again.add_argument("--dry-run", action="store_true", help="only say what would be done")
    again.add_argument(
        "--per-second",
        type=_positive,
        default=REDRIVES_PER_SECOND,
        help="at most so many (default: %(default)g)",
    )

    discarding = verbs.add_parser("discard", parents=[chosen], help="take them out for good")
    discarding.add_argument("--all", action="store_true", help="every one there is")
    discarding.add_argument("--because", required=True, help="why; is kept for 30 days")
    discarding.add_argument("--yes", action="store_true", help="do it; without, it is only counted")

    forgetting = verbs.add_parser("forget", help="take out all of one chat, without a trace")
    forgetting.add_argument("platform", choices=CHANNELS)
    forgetting.add_argument("key", help="the chat's key, as Turnout-Subject ends in it")
    forgetting.add_argument(
        "--mentions",
        action="append",
        default=[],
        help="an e-mail address or a phone number of this person; may be repeated",
    )
    return parser


def _positive(said: str) -> float:
    number = float(said)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


async def _run(options: argparse.Namespace, settings: ServiceSettings) -> int:
    # Before the connection: what is wrong with the question needs no broker.
    chosen = _chat(options) if options.verb == "forget" else _choice(options)
    where = urlsplit(settings.nats_url).netloc.rpartition("@")[2]
    try:
        client = await nats.connect(
            settings.nats_url,
            connect_timeout=CONNECT_SECONDS_MAX,
            allow_reconnect=False,
            # Of the first connection too; nats-py's default takes two minutes to say no.
            max_reconnect_attempts=1,
            reconnect_time_wait=1,
            error_cb=_ignore,
            user_credentials=str(settings.nats_creds_file) if settings.nats_creds_file else None,
        )
    except (nats.errors.Error, OSError) as error:
        raise Refused(
            f"NATS at {where} does not answer ({type(error).__name__}); set NATS_URL, or start "
            f"./task demo"
        ) from None
    try:
        if isinstance(chosen, Address):
            return await _forget(client, chosen, options.mentions)
        return await _do(options, chosen, client)
    except NotFoundError:
        raise Refused(f"NATS at {where} has no stream DEAD; run `./task streams`") from None
    except (nats.errors.Error, OSError) as error:
        raise Refused(f"NATS at {where} went away ({type(error).__name__})") from None
    finally:
        with suppress(nats.errors.Error):
            await client.close()


async def _ignore(_error: Exception) -> None:
    """What goes wrong with the connection shows where it is used."""


def _chat(options: argparse.Namespace) -> Address:
    try:
        address = Address.from_key(options.platform, options.key)
    except ValueError:
        raise Refused("this is no chat's key") from None
    if address.chat_key != options.key:
        raise Refused("this is no chat's key")
    return address


def _choice(options: argparse.Namespace) -> Choice:
    if options.verb == "show":
        return Choice(ids=frozenset({options.id}))
    try:
        since = read_time(options.since, datetime.now(UTC)) if options.since else None
    except (ValueError, OverflowError):
        raise Refused(f"--since {options.since} is neither 90m, 6h, 3d nor a date") from None
    choice = Choice(
        ids=frozenset(options.id),
        reason=options.reason,
        origin=options.origin,
        subject=options.subject,
        broadcast=options.broadcast,
        since=since,
        discarded=options.verb == "list" and options.discarded,
    )
    if options.verb != "list" and choice.is_open is not options.all:
        raise Refused(
            "say which: --id, --reason, --origin, --subject, --broadcast or --since; or --all alone"
        )
    return choice


async def _do(options: argparse.Namespace, choice: Choice, client: Client) -> int:
    jetstream = client.jetstream()
    letters = Letters(jetstream)
    chosen = await choice.among(letters)
    match options.verb:
        case "list":
            shown = as_json if options.json else as_table
            sys.stdout.write(shown(chosen, each=options.each))
            return DONE if chosen or choice.is_open else NOT_ALL
        case "show":
            return await _show(letters, chosen, options.id)
    if not chosen:
        _say("nothing matches")
        return NOT_ALL
    if options.verb == "discard":
        return await _discard(letters, chosen, why=options.because, is_sure=options.yes)
    return await _redrive(client, chosen, options)


async def _show(letters: Letters, chosen: Sequence[Letter], asked: str) -> int:
    found = [whole for each in chosen if (whole := await letters.read(each.number)) is not None]
    if not found:
        _say(f"there is no letter {asked}; `./task dead -- list --each` shows them")
        return NOT_ALL
    _say("The body is what a person wrote or was to read: it is for your eyes, not for a ticket.")
    sys.stdout.write("\n".join(as_text(letter) for letter in found))
    return DONE


async def _discard(letters: Letters, chosen: Sequence[Letter], *, why: str, is_sure: bool) -> int:
    if not is_sure:
        sys.stdout.write(as_table(chosen, each=False))
        _say(f"{len(chosen)} would be discarded for good; add --yes")
        return NOT_ALL
    done = 0
    for letter in chosen:
        done += await letters.discard(letter, why)
    sys.stdout.write(f"{done} discarded\n")
    return DONE


async def _forget(client: Client, address: Address, mentions: Sequence[str]) -> int:
    count = await forget(client, address, mentions=mentions)
    sys.stdout.write(f"{count} forgotten\n")
    # There may be none: what was to be so is so.
    return DONE


async def _redrive(client: Client, chosen: Sequence[Letter], options: argparse.Namespace) -> int:
    tally = Tally(len(chosen))
    work = asyncio.ensure_future(
        redrive(
            client.jetstream(),
            chosen,
            tally,
            per_second=options.per_second,
            is_trial=options.dry_run,
            say=_say,
        )
    )
    # asyncio's own way with Ctrl-C ends in a traceback; and an orchestrator sends SIGTERM.
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, work.cancel)
    stopped: str | None = None
    code = DONE
    try:
        await work
    except asyncio.CancelledError:
        stopped, code = "interrupted", INTERRUPTED
    except NoStreamResponseError:
        stopped, code = "no stream takes the next one; run `./task streams`", REFUSED
    except APIError as error:
        stopped, code = f"the stream refuses the next one: {error.description}", REFUSED
    except (nats.errors.Error, OSError) as error:
        stopped, code = f"NATS does not answer ({type(error).__name__})", REFUSED
    _tell(tally, is_trial=options.dry_run)
    if stopped is not None:
        _say(f"{stopped}; the rest is still there, and the same command goes on from here")
        return code
    return NOT_ALL if tally.stuck else DONE


def _tell(tally: Tally, *, is_trial: bool) -> None:
    lines = [f"{tally.sent} {'would be sent' if is_trial else 'sent'} again"]
    if tally.repeated:
        lines.append(f"{tally.repeated} were sent by an earlier run, and are taken out now")
    if tally.gone:
        lines.append(f"{tally.gone} were taken out by somebody else meanwhile")
    lines += [f"{count} stay: {why}" for why, count in tally.stuck.most_common()]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    sys.exit(main())
