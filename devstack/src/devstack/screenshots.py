"""`./task screenshots`: two people register on the page, and it is photographed.

Needs Debian's `chromium`; Playwright's own browsers are never downloaded.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import Locator, Page, async_playwright

from devstack.house import House
from devstack.options import ROOT
from devstack.process import Failed

PICTURES = ROOT / "docs" / "pictures"
WIDTH_PIXELS, HEIGHT_PIXELS = 1180, 1150
ANSWER_MILLISECONDS_MAX = 30_000

VISITORS = {
    "telegram": ("Ann Lee", "en", ("/start", "1", "yes", "Ann Lee", "ann@example.org", "yes")),
    "whatsapp": (
        "Пётр Ким",
        "ru",
        ("русский", "3", "да", "Пётр Ким", "petr@example.org", "да"),
    ),
}
"""Who holds the phone, its language, and what they type."""


async def take(folder: Path) -> list[Path]:
    """Register one person on each phone and photograph the page into `folder`.

    Raises:
        Failed: there is no Chromium.
        playwright.async_api.Error: somebody got no answer, or no ticket in the end.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise Failed("Chromium is missing; apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    async with House(seed="demo") as house, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(
            viewport={"width": WIDTH_PIXELS, "height": HEIGHT_PIXELS}, device_scale_factor=1.5
        )
        await page.goto(house.simulator)
        # One after the other, as one pair of hands would.
        for platform in VISITORS:
            await _register(page, house, platform)
        picture = folder / "two-phones.png"
        await page.screenshot(path=picture)
        await browser.close()
    return [picture]


async def _register(page: Page, house: House, platform: str) -> None:
    """From switching the phone on to the ticket's picture."""
    name, language, lines = VISITORS[platform]
    phone = page.locator(f"#{platform}")
    await phone.locator(".arrival input[name=name]").fill(name)
    await phone.locator(".arrival select[name=language]").select_option(language)
    await phone.locator(".arrival button").click()
    for line in lines:
        await _say(phone, house, line)
    await phone.locator(".log img").last.wait_for(timeout=ANSWER_MILLISECONDS_MAX)


async def _say(phone: Locator, house: House, line: str) -> None:
    """Type a line and wait until everything that follows from it has happened."""
    await phone.locator(".composer input").fill(line, timeout=ANSWER_MILLISECONDS_MAX)
    await phone.locator(".composer button").click()
    await phone.get_by_text(line, exact=True).last.wait_for(timeout=ANSWER_MILLISECONDS_MAX)
    await house.quiet()


def main() -> int:
    """Take them all."""
    try:
        for picture in asyncio.run(take(PICTURES)):
            print(picture.relative_to(ROOT))
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
