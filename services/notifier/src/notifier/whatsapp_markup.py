"""Words that WhatsApp would draw in bold, or as a list, although nobody meant it.

Our texts are plain on every platform, and people's own words stand in them: an event may be called
"*free*". WhatsApp has no documented way to escape its marks (platforms.md C), and an invisible
character between them is honoured by some of its clients only. So a mark that would act is replaced
by a sign that looks like it; marks that do nothing, and all that stands in links, stay as they are.
"""

import re

ALIKE = {
    "*": "\u2217",
    "_": "\u02cd",
    "~": "\u223c",
    "`": "\u02cb",
    ">": "\u203a",
    "-": "\u2013",
}
"""Marks, and what stands for them: asterisk operator, low macron, tilde operator, grave accent,
single quotation mark, en dash. One code point each, so that no length changes."""

_WORD = re.compile(r"(?<!\S)[*_~`]*(\S+?)[*~`]*(?!\S)")
"""Without the marks around it; an underscore at its end may well be part of a link."""
_LINK_SIGNS = ("://", "@", "www.", "t.me/", "wa.me/")
"""Addresses, e-mails, names with an at sign: what is copied or tapped must stay itself."""
_LINE_START = re.compile(r"[ \t]*([>*-])[ \t]")
"""Quotes and lists. Numbered lines look the same as what they become."""
_BEGINS = {
    "*": re.compile(r"\*(?=\S)"),
    "_": re.compile(r"(?<!\w)_(?=\S)"),
    "~": re.compile(r"~(?=\S)"),
}
_ENDS = {
    "*": re.compile(r"(?<=\S)\*"),
    "_": re.compile(r"(?<=\S)_(?!\w)"),
    "~": re.compile(r"(?<=\S)~"),
}
"""Inside of a word an underscore does nothing; asterisks were seen to act (typebot.io#1972)."""
_HIDDEN = "\u0000"


def plain(text: str) -> str:
    """The text as WhatsApp shows it like Telegram does, letter by letter; as long as before."""
    if not any(mark in text for mark in ALIKE):
        return text
    has_links = any(sign in text for sign in _LINK_SIGNS)
    lines = "\n".join(map(_plain_line, (_without_links(text) if has_links else text).split("\n")))
    if lines.count("`") > 1:
        # Code may go on over several lines.
        lines = lines.replace("`", ALIKE["`"])
    if not has_links:
        return lines
    return "".join(old if new == _HIDDEN else new for old, new in zip(text, lines, strict=True))


def _without_links(text: str) -> str:
    """As long as before, with nothing to see where a link was."""

    def hide(word: re.Match[str]) -> str:
        whole, link = word[0], word[1]
        if not any(sign in link for sign in _LINK_SIGNS):
            return whole
        return whole.replace(link, _HIDDEN * len(link), 1)

    return _WORD.sub(hide, text)


def _plain_line(line: str) -> str:
    if item := _LINE_START.match(line):
        at = item.start(1)
        line = line[:at] + ALIKE[item[1]] + line[at + 1 :]
    for mark in "*_~":
        begin = _BEGINS[mark].search(line)
        ends = [end.start() for end in _ENDS[mark].finditer(line)] if begin else []
        if begin and ends and ends[-1] > begin.start():
            line = line.replace(mark, ALIKE[mark])
    return line
