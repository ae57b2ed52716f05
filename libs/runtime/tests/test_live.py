"""What files hold is live a moment after they change, and nonsense changes nothing."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from runtime.live import Live, Made
from runtime.metrics import name_service
from runtime.settings import Misconfigured
from runtime.testing import eventually

LOOK_SECONDS = 0.02


@asynccontextmanager
async def living(*files: Path) -> AsyncIterator[Live[str]]:
    """The texts of files; one with a question mark is nonsense."""
    name_service("test")
    reads = list(files)

    def make() -> Made[str]:
        try:
            texts = [file.read_text() for file in reads]
        except OSError:
            raise Misconfigured("a file is missing") from None
        if "?" in "".join(texts):
            raise Misconfigured("there is a question mark")
        if "!" in "".join(texts):
            raise RuntimeError("a text that nobody may see")
        return Made(" ".join(texts), frozenset(reads))

    async with Live("texts", make, look_seconds=LOOK_SECONDS) as live:
        yield live


def shown(metric: str) -> float | None:
    return REGISTRY.get_sample_value(metric, {"service": "test", "of": "texts"})


async def test_a_change_is_taken_over_and_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    async with living(file) as live:
        heard: list[str] = []
        live.tell(heard.append)
        assert live.current == "one"
        file.write_text("two")
        await eventually(lambda: live.current == "two")
        file.write_text("three")
        await eventually(lambda: live.current == "three")
        assert heard == ["two", "three"]


async def test_a_file_that_is_put_in_place_of_another_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("same length 1")
    (tmp_path / "second").write_text("same length 2")
    stat = (tmp_path / "first").stat()
    os.utime(tmp_path / "second", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    link = tmp_path / "link"
    link.symlink_to("first")
    async with living(link) as live:
        # As an orchestrator changes a mounted secret: a new link is moved over the old one.
        (tmp_path / "new-link").symlink_to("second")
        (tmp_path / "new-link").rename(link)
        await eventually(lambda: live.current == "same length 2")


async def test_nonsense_leaves_the_old_in_use_and_is_shown_until_it_is_right_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    async with living(file) as live:
        assert shown("turnout_files_refused") == 0
        file.write_text("what?")
        await eventually(lambda: shown("turnout_files_refused") == 1)
        assert await live.problem() == "there is a question mark"
        assert live.current == "one"
        file.unlink()
        await eventually(lambda: live._problem == "a file is missing")
        assert live.current == "one"
        file.write_text("two")
        await eventually(lambda: live.current == "two")
        assert await live.problem() is None
        assert shown("turnout_files_refused") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "refused" in line]
    assert len(lines) == 2, "one line per reason, however often it is looked at"


async def test_a_bug_in_who_hears_of_it_does_not_end_the_watch(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")

    def stumble(_value: str) -> None:
        raise RuntimeError

    async with living(file) as live:
        live.tell(stumble)
        file.write_text("two")
        await eventually(lambda: live.current == "two")
        file.write_text("three")
        await eventually(lambda: live.current == "three")


async def test_a_bug_in_the_reading_does_not_end_the_watch_and_quotes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    async with living(file) as live:
        file.write_text("two!")
        await eventually(lambda: shown("turnout_files_refused") == 1)
        assert await live.problem() == "cannot be read: RuntimeError"
        file.write_text("three")
        await eventually(lambda: live.current == "three")
    assert "nobody may see" not in capsys.readouterr().out


def test_without_a_first_value_there_is_nothing(tmp_path: Path) -> None:
    def make() -> Made[str]:
        raise Misconfigured("nothing")

    with pytest.raises(Misconfigured, match="nothing"):
        Live("texts", make)
