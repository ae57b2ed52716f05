"""What a visitor sees, in a real browser."""

import shutil
from pathlib import Path

import pytest

from devstack.screenshots import take

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs apt-get install chromium"),
]


async def test_a_visitor_registers_on_both_phones_and_sees_both_tickets(tmp_path: Path) -> None:
    (picture,) = await take(tmp_path)
    assert picture.stat().st_size > 10_000
