"""Which processes an installation has, and what each is told by its environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.nats_server import answers, nats_program
from devstack.options import Options
from devstack.ports import LOOPBACK
from devstack.postgres_server import database_url, postgres_program
from devstack.process import Failed, Program
from devstack.redis_server import redis_program, redis_url
from devstack.registering import register_webhooks, submit_templates

SERVICES = ("gateway", "conversation", "registry", "notifier", "scheduler")

STATE_STORES = ("jetstream", "redis")

DEMO_VALUES = {
    "ADMIN_TOKEN": "demo-admin-token",
    "TELEGRAM_TOKEN": "123456:demo-telegram-token",
    "TELEGRAM_SECRET": "demo-telegram-secret",
    "WHATSAPP_TOKEN": "demo-whatsapp-token",
    "WHATSAPP_PHONE_ID": "106540352242922",
    "WHATSAPP_WABA_ID": "102290129340398",
    "WHATSAPP_APP_SECRET": "demo-whatsapp-secret",
    "WHATSAPP_VERIFY_TOKEN": "demo-verify-token",
    "MAIL_FROM": "Turnout <turnout@demo.example>",
    "TICKET_KEY": "demo-ticket-key",
    "SESSION_KEY": "demo-session-key",
}
"""Known to everybody, and good for nothing but a demo (design § 5); a variable wins over them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Everything that one run starts."""

    servers: tuple[Program, ...]
    """Embedded ones only."""
    simulator: Program
    services: tuple[Program, ...]
    environment: Mapping[str, str]
    """What every service is told, and the one-time commands too."""
    database_environment: Mapping[str, str]
    """For the registry and its migrations alone."""

    @property
    def nats_url(self) -> str:
        """The broker that is used."""
        return self.environment["NATS_URL"]

    @property
    def database_url(self) -> str:
        """The database that is used."""
        return self.database_environment["DATABASE_URL"]

    @property
    def programs(self) -> tuple[Program, ...]:
        """All of them, in the order of their stopping from the end."""
        return (*self.servers, self.simulator, *self.services)


def plan(options: Options) -> Installation:
    """What this run consists of.

    Raises:
        Failed: replicas of something that there is only one of, or no port is left for one; or a
            server is asked for that is not here.
    """
    if unknown := set(options.replicas) - set(SERVICES):
        raise Failed(
            f"no service is called {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}"
        )
    if options.state_store not in STATE_STORES:
        raise Failed(f"STATE_STORE is one of {', '.join(STATE_STORES)}, not {options.state_store}")
    environment = _environment(options)
    database = {"DATABASE_URL": options.database_url or database_url(options.ports)}
    servers = []
    if options.nats_url is None:
        servers.append(nats_program(options.home, options.ports))
    if options.database_url is None:
        servers.append(postgres_program(options.home, options.ports))
    if options.state_store == "redis" and options.redis_url is None:
        servers.append(redis_program(options.home, options.ports))
    return Installation(
        servers=tuple(servers),
        simulator=_simulator(options, environment),
        services=_services(options, environment, database),
        environment=environment,
        database_environment=database,
    )


def _environment(options: Options) -> dict[str, str]:
    simulator = options.ports.url("simulator")
    own = {name: os.environ.get(name) or value for name, value in DEMO_VALUES.items()}
    return own | {
        "NATS_URL": options.nats_url or f"nats://{LOOPBACK}:{options.ports.of('nats')}",
        "TELEGRAM_API_URL": simulator,
        "WHATSAPP_API_URL": simulator,
        "PUBLIC_URL": options.ports.url("gateway"),
        "SMTP_URL": f"smtp://{LOOPBACK}:{options.ports.of('smtp')}",
        # Where there is a mailbox, people prove their address.
        "PROOF_BY_EMAIL": os.environ.get("PROOF_BY_EMAIL") or "true",
        "HTTP_HOST": LOOPBACK,
        "LOG_FORMAT": "json",
        "TURNOUT_TEST": "1",
        "TURNOUT_CLOCK_FILE": str(clock_file(options.run)),
        # What a process says right before it dies must be in its log.
        "PYTHONUNBUFFERED": "1",
        # aiogram is imported in half the time from bytecode, and restarts are waited for.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def clock_file(run: Path) -> Path:
    """Where the simulator writes how far business time is ahead."""
    return run / "clock.json"


def _simulator(options: Options, environment: Mapping[str, str]) -> Program:
    ports = options.ports

    async def ready() -> bool:
        return await answers(f"{ports.url('simulator')}/sim/stats")

    async def introduce() -> None:
        # Again, for it forgets with its end. WhatsApp has the dashboard's callback, and the gateway
        # may not be there to shake hands.
        await register_webhooks(environment, options.home / "log", "--platform", "telegram")
        await submit_templates(environment, options.home / "log")

    return Program(
        name="simulator",
        command=(
            *(sys.executable, "-m", "simulator"),
            *("--port", str(ports.of("simulator"))),
            *("--smtp-port", str(ports.of("smtp"))),
        ),
        environment={
            **environment,
            "WHATSAPP_CALLBACK_URL": f"{ports.url('gateway')}/whatsapp",
            "TURNOUT_STATE_FILE": str(options.run / "state.json"),
        },
        ready=ready,
        port=ports.of("simulator"),
        after_ready=introduce,
    )


def _services(
    options: Options, environment: Mapping[str, str], database: Mapping[str, str]
) -> tuple[Program, ...]:
    spare = options.ports.spare()
    programs = []
    for name in SERVICES:
        for replica in range(1, options.replicas.get(name, 1) + 1):
            port = options.ports.of(name) if replica == 1 else next(spare, None)
            if port is None:
                raise Failed("no free port is left for so many replicas")
            own = {"HTTP_PORT": str(port), "TURNOUT_REPLICA": str(replica)}
            if name == "registry":
                own |= database
            if name == "conversation":
                own |= {
                    "STATE_STORE": options.state_store,
                    "REDIS_URL": options.redis_url or redis_url(options.ports),
                }
            programs.append(_service(name, replica, port, {**environment, **own}))
    return tuple(programs)


def _service(name: str, replica: int, port: int, environment: Mapping[str, str]) -> Program:
    async def ready() -> bool:
        return await answers(f"http://{LOOPBACK}:{port}/health/ready")

    return Program(
        name=name,
        command=(sys.executable, "-m", name),
        environment=environment,
        ready=ready,
        port=port,
        replica=replica,
    )
