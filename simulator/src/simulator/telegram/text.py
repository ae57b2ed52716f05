"""Message texts: what `parse_mode` and `entities` make of them.

Offsets and lengths of entities count UTF-16 code units; error positions count bytes of UTF-8
(tdlib/td MessageEntity.cpp).
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any

from simulator.telegram.errors import bad_request

Entities = list[dict[str, Any]]

ENTITIES_MAX = 100
MARKDOWN_RESERVED = set("_*[]()~`>#+-=|{}.!")
HTML_PLAIN = re.compile(r"[^<&]+")
HTML_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
HTML_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
}
MARKDOWN_MARKS = {
    "```": "pre",
    "`": "code",
    "||": "spoiler",
    "__": "underline",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
}


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


@dataclass
class _Open:
    """A tag or mark that waits for its end."""

    name: str
    start: int
    byte_offset: int
    argument: str | None = None


class _Output:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.entities: Entities = []

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.length += utf16_length(text)

    def close(self, kind: str, opened: _Open) -> None:
        length = self.length - opened.start
        if length <= 0:
            return
        entity: dict[str, Any] = {"offset": opened.start, "length": length, "type": kind}
        if kind == "text_link":
            entity["url"] = opened.argument
        self.entities.append(entity)

    def result(self) -> tuple[str, Entities]:
        ordered = sorted(self.entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self.parts), ordered[:ENTITIES_MAX]


def parse_text(
    text: str, parse_mode: str | None, entities: str | list[Any] | None
) -> tuple[str, Entities]:
    """The plain text and its entities; raises the server's 400 for broken markup."""
    match (parse_mode or "").lower():
        case "":
            return text, _given_entities(entities)
        case "html":
            return _parse_html(text)
        case "markdownv2":
            return _parse_markdown(text)
        case _:
            raise bad_request("unsupported parse_mode")


def bot_commands(text: str) -> Entities:
    """The entities that a person's client adds to `/commands`."""
    return [
        {
            "offset": utf16_length(text[: found.start()]),
            "length": len(found[0]),
            "type": "bot_command",
        }
        for found in re.finditer(r"(?<!\S)/[A-Za-z0-9_]{1,64}(?:@\w+)?", text)
    ]


def _given_entities(entities: str | list[Any] | None) -> Entities:
    if not entities:
        return []
    if isinstance(entities, str):
        try:
            entities = json.loads(entities)
        except ValueError:
            raise bad_request("can't parse entities: can't parse entities JSON object") from None
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array")
    return [entity for entity in entities if isinstance(entity, dict)][:ENTITIES_MAX]


def _cant_parse(problem: str) -> Exception:
    return bad_request(f"can't parse entities: {problem}")


def _bytes_before(text: str, position: int) -> int:
    return len(text[:position].encode())


def _parse_html(text: str) -> tuple[str, Entities]:
    out = _Output()
    stack: list[_Open] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "&":
            found = HTML_REFERENCE.match(text, position)
            out.add(html.unescape(found[0]) if found else "&")
            position = found.end() if found else position + 1
            continue
        if character != "<":
            plain = HTML_PLAIN.match(text, position)
            assert plain is not None
            out.add(plain[0])
            position = plain.end()
            continue
        offset = _bytes_before(text, position)
        end = text.find(">", position)
        if end < 0:
            raise _cant_parse(f"Unclosed start tag at byte offset {offset}")
        tag = text[position + 1 : end]
        if tag.startswith("/"):
            _close_html(out, stack, tag[1:].strip().lower(), offset)
        else:
            stack.append(_open_html(tag, out.length, offset))
        position = end + 1
    if stack:
        raise _cant_parse(f'Can\'t find end tag corresponding to start tag "{stack[-1].name}"')
    return out.result()


def _open_html(tag: str, start: int, byte_offset: int) -> _Open:
    name = (re.match(r"[^\s/]*", tag) or [""])[0].lower()
    if name not in HTML_TAGS:
        raise _cant_parse(f'Unsupported start tag "{name}" at byte offset {byte_offset}')
    link = re.search(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+))""", tag)
    argument = html.unescape(next(filter(None, link.groups()), "")) if link else None
    return _Open(name, start, byte_offset, argument)


def _close_html(out: _Output, stack: list[_Open], name: str, byte_offset: int) -> None:
    if not stack:
        raise _cant_parse(f"Unexpected end tag at byte offset {byte_offset}")
    opened = stack.pop()
    if name and name != opened.name:
        raise _cant_parse(
            f"Unmatched end tag at byte offset {byte_offset}, "
            f'expected "</{opened.name}>", found "</{name}>"'
        )
    if opened.name != "a" or opened.argument:
        out.close(HTML_TAGS[opened.name], opened)


def _parse_markdown(text: str) -> tuple[str, Entities]:
    out = _Output()
    stack: list[_Open] = []
    position = 0
    while position < len(text):
        character = text[position]
        inside_code = bool(stack) and stack[-1].name in ("`", "```")
        if character == "\\" and position + 1 < len(text) and ord(text[position + 1]) < 127:
            out.add(text[position + 1])
            position += 2
            continue
        mark = _markdown_mark(text, position, inside_code, stack)
        if mark:
            if stack and stack[-1].name == mark:
                out.close(MARKDOWN_MARKS[mark], stack.pop())
            else:
                stack.append(_Open(mark, out.length, _bytes_before(text, position)))
            position += len(mark)
        elif character == "[" and not inside_code:
            stack.append(_Open("[", out.length, _bytes_before(text, position)))
            position += 1
        elif character == "]" and stack and stack[-1].name == "[":
            position = _close_markdown_link(text, position, out, stack.pop())
        elif character in MARKDOWN_RESERVED and not inside_code:
            raise _cant_parse(
                f"Character '{character}' is reserved and must be escaped with the preceding '\\'"
            )
        else:
            out.add(character)
            position += 1
    if stack:
        names = {"[": "a URL", "*": "Bold entity", "_": "Italic entity"}
        name = names.get(stack[-1].name, f"{MARKDOWN_MARKS.get(stack[-1].name, '').title()} entity")
        raise _cant_parse(f"Can't find end of {name} at byte offset {stack[-1].byte_offset}")
    return out.result()


def _markdown_mark(text: str, position: int, inside_code: bool, stack: list[_Open]) -> str | None:
    if inside_code:
        mark = stack[-1].name
        return mark if text.startswith(mark, position) else None
    return next((mark for mark in MARKDOWN_MARKS if text.startswith(mark, position)), None)


def _close_markdown_link(text: str, position: int, out: _Output, opened: _Open) -> int:
    link = re.compile(r"\]\(((?:[^)\\]|\\.)*)\)").match(text, position)
    if not link:
        raise _cant_parse(f"Can't find end of a URL at byte offset {_bytes_before(text, position)}")
    opened.argument = re.sub(r"\\(.)", r"\1", link[1])
    out.close("text_link", opened)
    return link.end()
