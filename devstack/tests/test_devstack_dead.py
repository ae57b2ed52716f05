"""`./task dead` on a machine where no demo runs."""

import os
import subprocess
import sys
from pathlib import Path

from devstack.house import INHERITED
from runtime.testing import free_port


def test_it_asks_the_broker_that_it_is_told_of(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    where = f"127.0.0.1:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "devstack.dead", "list"],
        env=kept | {"TURNOUT_HOME": str(tmp_path), "NATS_URL": f"nats://{where}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"NATS at {where} does not answer")
