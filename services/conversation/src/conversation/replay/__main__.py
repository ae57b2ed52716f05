"""`./task replay`: recorded chats against the dialogue of today."""

import argparse
import sys
from pathlib import Path

from conversation.replay.difference import as_chat, differences
from conversation.replay.playing import CannotPlay, play
from conversation.replay.recording import Demo, NothingToRecord, record
from conversation.replay.redaction import offences
from conversation.replay.transcript import Unreadable, as_text, read, write

SAME, DIFFERENT, REFUSED = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Replay, accept or record; 1 when answers differ, 2 when there is nothing to be replayed."""
    options = _parser().parse_args(arguments)
    try:
        if options.record:
            return _record(options)
        return max(_replay(path, options) for path in _files(options.transcripts))
    except (Unreadable, CannotPlay, NothingToRecord, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./task replay --",
        description="Play recorded chats with the dialogue of today and show what differs.",
    )
    parser.add_argument("transcripts", nargs="*", type=Path, metavar="TRANSCRIPT")
    parser.add_argument("--accept", action="store_true", help="write the new answers down")
    parser.add_argument("--all", action="store_true", help="show also what has not changed")
    parser.add_argument(
        "--record", metavar="PLATFORM/ID", help="write down a chat of the running demo instead"
    )
    parser.add_argument("--simulator", default="http://127.0.0.1:8090", metavar="URL")
    parser.add_argument("--registry", default="http://127.0.0.1:8082", metavar="URL")
    parser.add_argument("--token", default="demo-admin-token", help="of the organiser's API")
    return parser


def _files(given: list[Path]) -> list[Path]:
    files = [
        file
        for path in given
        for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])
    ]
    if not files:
        raise Unreadable("say which transcript, or a folder of them")
    return files


def _replay(path: Path, options: argparse.Namespace) -> int:
    then = read(path)
    played = play(then)
    if recognised := offences(then, played.names):
        sys.stderr.write("\n".join(f"{path}: {one}" for one in recognised) + "\n")
        return REFUSED
    now = played.transcript
    chat = as_chat(then, now, everything=options.all, coloured=sys.stdout.isatty())
    changed = differences(then, now)
    told = f"{len(changed)} answered otherwise" if changed else "as it was"
    sys.stdout.write(f"{path}: {told}\n" + (f"\n{chat}\n" if chat else ""))
    if options.accept:
        write(now, path)
        return SAME
    return DIFFERENT if changed else SAME


def _record(options: argparse.Namespace) -> int:
    recorded = record(options.record, Demo(options.simulator, options.registry, options.token))
    again = play(recorded)
    if differences(recorded, again.transcript):
        sys.stderr.write(
            "some answers were given in another world than the one written down; "
            "replay it, and correct its events\n"
        )
    if not options.transcripts:
        sys.stdout.write(as_text(recorded))
        return SAME
    write(recorded, options.transcripts[0])
    return SAME


if __name__ == "__main__":
    sys.exit(main())
