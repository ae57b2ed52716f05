"""What the OpenAPI says of the doors is true, and nothing that follows or breaks it costs a 5xx."""

import asyncio
import json
import sys
from pathlib import Path

from gateway_house import private_in, process

RUN_SECONDS_MAX = 60.0
EXAMPLES = 100
"""Per operation and phase."""
CONFORMANCE = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method,"
    "allow_header_conformance,missing_required_header"
)


async def schemathesis(port: int, checks: str, folder: Path) -> tuple[int, str]:
    """Its exit code and what it says."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"http://127.0.0.1:{port}/openapi.json",
        *("--checks", checks, "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)),
        *("--seed", "5", "--workers", "2", "--no-shrink", "--warnings", "off", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(RUN_SECONDS_MAX):
            said, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, said.decode()


async def test_the_doors_answer_strangers_as_the_openapi_says(
    provisioned: str, tmp_path: Path
) -> None:
    async with process(provisioned) as gateway:
        code, said = await schemathesis(gateway.port, CONFORMANCE, tmp_path)
        stored = [await gateway.house.raw(stream) for stream in ("INBOUND", "DEAD", "DELIVERY")]
        told = gateway.told()

    assert code == 0, said
    assert stored == [[], [], []]
    assert private_in(told) == []


async def test_whatever_is_let_in_is_never_our_fault(provisioned: str, tmp_path: Path) -> None:
    open_door = {"TURNOUT_TEST": "1", "TURNOUT_BREAK": "signature"}
    async with process(provisioned, **open_door) as gateway:
        code, said = await schemathesis(gateway.port, "not_a_server_error", tmp_path)
        dead = await gateway.house.raw("DEAD")
        told = gateway.told()

    assert code == 0, said
    assert private_in(told) == []
    assert "own fault" not in told
    assert len(dead) > 10, "nothing of all that was let in was odd"


async def test_the_openapi_names_every_door(provisioned: str) -> None:
    async with process(provisioned) as gateway:
        described = (await gateway.house.http.get("/openapi.json")).json()

    assert {
        (path, method) for path, methods in described["paths"].items() for method in methods
    } == {
        ("/telegram", "post"),
        ("/telegram/{account}", "post"),
        ("/whatsapp", "get"),
        ("/whatsapp", "post"),
    }
    assert "503" in json.dumps(described["paths"]["/telegram"]["post"]["responses"])
