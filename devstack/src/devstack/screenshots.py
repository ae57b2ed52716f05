"""`./task screenshots`: people talk to the bot on the page's two phones, and are photographed.

Needs Debian's `chromium`; Playwright's own browsers are never downloaded.
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright

from devstack.dialogues import DIALOGUES, set_up
from devstack.house import House
from devstack.mailbox import asks_for_a_code, newest_code
from devstack.options import ROOT
from devstack.process import Failed
from devstack.stage import ANSWER_SECONDS_MAX, Dialogue, Stage, Stuck

PICTURES = ROOT / "docs" / "pictures"
DIALOGUE_PAGES = ROOT / "docs" / "dialogues"
WIDTH_PIXELS, HEIGHT_PIXELS = 1180, 1150
ANSWER_MILLISECONDS_MAX = 30_000
DIALOGUE_WIDTH_PIXELS = 900
COLOURS_MAX = 96
"""Enough for two phones and some emoji, at a third of the size."""

VISITORS = {
    "telegram": ("Ann Lee", "en", ("/start", "1", "yes", "Ann Lee", "ann@example.org", "yes")),
    "whatsapp": (
        "Пётр Ким",
        "ru",
        ("русский", "3", "да", "Пётр Ким", "petr@example.org", "да"),
    ),
}
"""Who holds the phone, its language, and what they type."""

AS_LONG_AS_THE_CHAT = """
.bar, .mailbox, .composer, .keyboard { display: none !important }
main { padding: .6rem; gap: .8rem; max-width: none; align-items: start }
.phone { height: auto; min-height: 0; box-shadow: none }
.log { overflow: visible }
.picture { max-height: 170px }
"""
"""A phone that shows a whole dialogue at once."""

ONLY_SINCE = """([platform, count]) => {
  const log = document.querySelector(`#${platform} .log`);
  [...log.querySelectorAll(".message")].slice(0, count).forEach((view) => { view.hidden = true; });
  [...log.querySelectorAll(".day")].forEach((view) => { view.hidden = true; });
}"""


INTRODUCTION = """\
Each as two people have it with the running demo: on the left Telegram in English, on the right
WhatsApp in Russian. Telegram shows no trace of a tap, WhatsApp does. `./task screenshots` plays and
photographs them anew. As text, with what is answered to every line, they are in
[`services/conversation/tests/transcripts`](../../services/conversation/tests/transcripts), and
`./task replay` tells what a change does to them."""


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise Failed("Chromium is missing; apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def take(folder: Path) -> list[Path]:
    """Register one person on each phone and photograph the page into `folder`.

    Raises:
        Failed: there is no Chromium.
        playwright.async_api.Error: somebody got no answer, or no ticket in the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    async with _browser() as browser, House(seed="demo") as house:
        page = await browser.new_page(
            viewport={"width": WIDTH_PIXELS, "height": HEIGHT_PIXELS}, device_scale_factor=1.5
        )
        await page.goto(house.simulator)
        # One after the other, as one pair of hands would.
        for platform in VISITORS:
            await _register(page, house, platform)
        picture = folder / "two-phones.png"
        await page.screenshot(path=picture)
    return [picture]


async def take_dialogues(folder: Path, dialogues: Sequence[Dialogue] = DIALOGUES) -> list[Path]:
    """Play each dialogue on both phones and photograph it into `folder`.

    Raises:
        Failed: there is no Chromium.
        Stuck: a dialogue does not go as it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    async with (
        _browser() as browser,
        House(seed="empty", restart=False) as house,
        httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, trust_env=False) as client,
    ):
        stage = Stage(house, client)
        await set_up(stage)
        for dialogue in dialogues:
            await dialogue.plays(stage)
            picture = folder / f"{dialogue.slug}.png"
            await _photograph(browser, stage, picture)
            pictures.append(picture)
            print(picture.name, flush=True)
    return pictures


async def _photograph(browser: Browser, stage: Stage, picture: Path) -> None:
    """Both phones, each as long as its chat."""
    page = await browser.new_page(
        viewport={"width": DIALOGUE_WIDTH_PIXELS, "height": HEIGHT_PIXELS},
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    for platform, person in stage.people.items():
        key = f"person on {platform}"
        await page.add_init_script(f"sessionStorage.setItem({key!r}, {person!r})")
    await page.goto(stage.house.simulator)
    await page.add_style_tag(content=AS_LONG_AS_THE_CHAT)
    for platform in stage.people:
        messages = page.locator(f"#{platform} .message")
        await messages.nth(len(await stage.chat(platform)) - 1).wait_for(
            timeout=ANSWER_MILLISECONDS_MAX
        )
        await page.evaluate(ONLY_SINCE, [platform, stage.since[platform]])
    await page.wait_for_function("[...document.images].every((image) => image.complete)")
    await page.locator("main").screenshot(path=picture, animations="disabled")
    await page.close()
    _shrink(picture)


def _shrink(picture: Path) -> None:
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(COLOURS_MAX, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


async def _register(page: Page, house: House, platform: str) -> None:
    """From switching the phone on to the ticket's picture."""
    name, language, lines = VISITORS[platform]
    phone = page.locator(f"#{platform}")
    await phone.locator(".arrival input[name=name]").fill(name)
    await phone.locator(".arrival select[name=language]").select_option(language)
    await phone.locator(".arrival button").click()
    for line in lines:
        await _say(phone, house, line)
    if asks_for_a_code(await phone.locator(".log").inner_text()):
        await _say(phone, house, await _code(house, lines[-2]))
    await phone.locator(".log img").last.wait_for(timeout=ANSWER_MILLISECONDS_MAX)


async def _code(house: House, address: str) -> str:
    """The one that came to this address."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, trust_env=False) as client:
        code, _ = await newest_code(client, house.simulator, address)
    return code


async def _say(phone: Locator, house: House, line: str) -> None:
    """Type a line and wait until everything that follows from it has happened."""
    await phone.locator(".composer input").fill(line, timeout=ANSWER_MILLISECONDS_MAX)
    await phone.locator(".composer button").click()
    await phone.get_by_text(line, exact=True).last.wait_for(timeout=ANSWER_MILLISECONDS_MAX)
    await house.quiet()


def as_page(dialogues: Sequence[Dialogue] = DIALOGUES) -> str:
    """The page that shows the pictures."""
    parts = [
        "# The dialogues",
        INTRODUCTION,
        "\n".join(f"- [{one.title}](#{_anchor(one.title)})" for one in dialogues),
    ]
    parts += [
        f"## {one.title}\n\n{one.about}\n\n![{one.title}]({one.slug}.png)" for one in dialogues
    ]
    return "\n\n".join(parts) + "\n"


def _anchor(title: str) -> str:
    kept = "".join(char for char in title.casefold() if char.isalnum() or char in " -")
    return kept.replace(" ", "-")


def main() -> int:
    """Take them all, or some dialogues by name."""
    parser = argparse.ArgumentParser(prog="./task screenshots --")
    parser.add_argument("names", nargs="*", metavar="DIALOGUE", help="only these, by their names")
    names = parser.parse_args().names
    try:
        if not names:
            asyncio.run(take(PICTURES))
        chosen = [one for one in DIALOGUES if one.slug in names or not names]
        asyncio.run(take_dialogues(DIALOGUE_PAGES, chosen))
    except (Failed, Stuck) as failure:
        print(failure, file=sys.stderr)
        return 1
    (DIALOGUE_PAGES / "README.md").write_text(as_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
