"""What a run was asked to do: the command line and the few variables that devstack reads."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from devstack.ports import Ports

ROOT = Path(__file__).resolve().parents[3]
"""The working copy: devstack is only ever run from one."""
PORT_BASE = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One run of the whole installation."""

    home: Path = ROOT / ".turnout"
    ports: Ports = field(default_factory=lambda: Ports(PORT_BASE))
    seed: Literal["demo", "empty"] = "demo"
    replicas: Mapping[str, int] = field(default_factory=dict)
    browser: bool = True
    restart: bool = True
    watch: bool = False
    nats_url: str | None = None
    """Given: this server is used and none of ours is started."""
    database_url: str | None = None
    """Given: this database is used and none of ours is started."""
    state_store: str = "jetstream"
    """Where the conversation keeps its states; `redis` starts a server for them."""
    redis_url: str | None = None
    """Given: this Redis is used and none of ours is started."""
    stop_with_parent: bool = False

    @property
    def run(self) -> Path:
        """What concerns only the present run: state, clock, requests."""
        return self.home / "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A word to the installation that runs in this home."""

    verb: Literal["start", "stop", "restart"]
    name: str
    replica: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added for this one start, such as TURNOUT_CRASH_AT."""


def read(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> tuple[Options, Request | None]:
    """What was asked; exits with a sentence when it makes no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    base = environment.get("TURNOUT_PORT_BASE") or str(PORT_BASE)
    if not base.isdigit() or not 1024 <= int(base) <= 65_000:
        parser.error(f"TURNOUT_PORT_BASE must be a number from 1024 to 65000, not {base!r}")
    options = Options(
        home=Path(environment.get("TURNOUT_HOME") or ROOT / ".turnout").resolve(),
        ports=Ports(int(base)),
        seed=given.seed,
        replicas=dict(given.replicas),
        browser=given.browser,
        restart=given.restart,
        watch=given.watch,
        nats_url=environment.get("NATS_URL") or None,
        database_url=environment.get("DATABASE_URL") or None,
        state_store=environment.get("STATE_STORE") or "jetstream",
        redis_url=environment.get("REDIS_URL") or None,
        stop_with_parent=environment.get("TURNOUT_STOP_WITH_PARENT") == "1",
    )
    if given.verb is None:
        return options, None
    if given.name is None:
        parser.error(f"{given.verb} what? Name a process, such as notifier or notifier.2")
    name, _, replica = given.name.partition(".")
    if replica and not replica.isdigit():
        parser.error(f"a replica is a number: {name}.2")
    return options, Request(
        verb=given.verb,
        name=name,
        replica=int(replica or 1),
        environment=dict(given.env),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./task demo --",
        description="Starts all of Turnout on this machine, without Docker.",
        epilog="TURNOUT_PORT_BASE (8080) and TURNOUT_HOME (.turnout) move it; NATS_URL, "
        "DATABASE_URL and REDIS_URL use servers of yours; STATE_STORE=redis keeps states in Redis.",
    )
    parser.add_argument(
        "verb",
        nargs="?",
        choices=("start", "stop", "restart"),
        help="tell the demo that is already running to do this with NAME",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="such as notifier or notifier.2")
    parser.add_argument(
        "--env",
        type=_pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="with start or restart: a variable for this one start",
    )
    parser.add_argument("--seed", choices=("demo", "empty"), default="demo", help="events to show")
    parser.add_argument(
        "--replicas",
        type=_count,
        action="append",
        default=[],
        metavar="SERVICE=N",
        help="how many of a service; may be repeated",
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="open no browser"
    )
    parser.add_argument(
        "--no-restart",
        dest="restart",
        action="store_false",
        help="leave dead what died",
    )
    parser.add_argument("--watch", action="store_true", help="restart what was changed")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"write NAME=VALUE, not {text!r}")
    return name, value


def _count(text: str) -> tuple[str, int]:
    name, value = _pair(text)
    if not value.isdigit() or not 1 <= int(value) <= 20:
        raise argparse.ArgumentTypeError(f"from 1 to 20 replicas, not {value!r}")
    return name, int(value)
