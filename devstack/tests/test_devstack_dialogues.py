"""The pictures of the dialogues."""

from devstack.dialogues import DIALOGUES
from devstack.screenshots import DIALOGUE_PAGES, as_page

PICTURE_BYTES_MAX = 200_000


def test_the_page_shows_each_dialogue() -> None:
    again = "./task screenshots"
    assert (DIALOGUE_PAGES / "README.md").read_text(encoding="utf-8") == as_page(), again
    pictures = {path.stem for path in DIALOGUE_PAGES.glob("*.png")}
    assert pictures == {dialogue.slug for dialogue in DIALOGUES}, again


def test_the_pictures_are_small_enough_for_one_page() -> None:
    sizes = {path.name: path.stat().st_size for path in DIALOGUE_PAGES.glob("*.png")}
    assert {name: size for name, size in sizes.items() if size > PICTURE_BYTES_MAX} == {}
