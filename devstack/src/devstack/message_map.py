"""Writes `docs/map.md`: who says and hears what, in which file, read from the source itself.

`python -m devstack.message_map [--check]`; with `--check` nothing is written, and a map that is
not true any more is an error.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.options import ROOT

CONTRACTS = Path("libs/contracts/src/contracts")
MAP = Path("docs/map.md")
TOOLS = frozenset({"replay"})
"""Packages that a person runs by hand: what they make and take is heard by nobody."""
SUBSCRIBING = frozenset({"on", "answer"})
"""Methods of `runtime.Service` that a message's class is handed to."""

HEAD = """\
# Who says and hears what

Written by `./task map` from the source; do not edit. *Says*: the file makes such a message.
*Hears*: the file subscribes to it, handles it, or takes it apart.
"""


@dataclass(slots=True)
class Spoken:
    """A message or query of the contracts, and the files that have to do with it."""

    name: str
    subject: str
    meaning: str
    is_query: bool
    says: set[Path] = field(default_factory=set)
    subscribes: set[Path] = field(default_factory=set)
    takes: set[Path] = field(default_factory=set)

    @property
    def hears(self) -> set[Path]:
        """Where it is handled; a room only hands on what it says itself."""
        rooms = {path.parts[1] for path in self.says}
        return self.subscribes | {path for path in self.takes if path.parts[1] not in rooms}


@dataclass(frozen=True, slots=True)
class Kept:
    """A stream with its subjects, or a bucket with its owner."""

    name: str
    detail: tuple[str, ...]


def render(root: Path = ROOT) -> str:
    """The map as it should be."""
    spoken = _spoken(root)
    for path in sorted(root.glob("services/*/src/**/*.py")):
        if path.parent.name in TOOLS:
            continue
        _read_service_file(path, path.relative_to(root), spoken)
    streams, buckets = _kept(root, "Stream"), _kept(root, "Bucket")
    messages = [one for one in spoken.values() if not one.is_query]
    queries = [one for one in spoken.values() if one.is_query]
    parts = [
        HEAD,
        "## Messages\n",
        *_table(
            ("message", "subject", "stream", "says", "hears"),
            [
                (
                    _titled(m),
                    f"`{m.subject}`",
                    _streams_of(m, streams),
                    _files(m.says),
                    _files(m.hears),
                )
                for m in messages
            ],
        ),
        "\n## Questions by request and reply\n",
        *_table(
            ("question", "subject", "asks", "answers"),
            [(_titled(q), f"`{q.subject}`", _files(q.says), _files(q.hears)) for q in queries],
        ),
        "\n## Rooms\n",
        *_rooms(spoken),
        "\n## Streams\n",
        *_table(("stream", "takes in"), [(s.name, _quoted(s.detail)) for s in streams]),
        "\n## Buckets\n",
        *_table(("bucket", "one owner"), [(b.name, ", ".join(b.detail)) for b in buckets]),
    ]
    return "\n".join(parts) + "\n"


def _spoken(root: Path) -> dict[str, Spoken]:
    """Every class of the contracts that has a subject, in the order of the files."""
    found: dict[str, Spoken] = {}
    for path in sorted((root / CONTRACTS).glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and (subject := _subject(node)):
                meaning = (ast.get_docstring(node) or "").split("\n", 1)[0]
                is_query = any(ast.unparse(base) == "Query" for base in node.bases)
                found[node.name] = Spoken(node.name, subject, meaning, is_query)
    return found


def _subject(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id="subject"), value=ast.Constant(value=str(text))):
                return text
    return None


def _read_service_file(path: Path, shown: Path, spoken: dict[str, Spoken]) -> None:
    tree = ast.parse(path.read_text())
    made, subscribed, taken = set(_made(tree)), set(_subscribed(tree)), set(_taken(tree))
    for name in made & spoken.keys():
        spoken[name].says.add(shown)
    for name in subscribed & spoken.keys():
        spoken[name].subscribes.add(shown)
    for name in (taken - made) & spoken.keys():
        spoken[name].takes.add(shown)


def _made(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                yield name
            # A function that is handed the class makes one of it.
            case ast.Subscript(value=ast.Name(id="type"), slice=ast.Name(id=name)):
                yield name


def _subscribed(tree: ast.AST) -> Iterator[str]:
    """What is handed to `Service.on` or `Service.answer`, or has its handler in a table."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=method), args=arguments) if method in SUBSCRIBING:
                yield from _names(*arguments)
            case ast.Dict(keys=keys):
                yield from (key.id for key in keys if isinstance(key, ast.Name))


def _taken(tree: ast.AST) -> Iterator[str]:
    """What is taken apart, or is an argument of something that waits for others."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                yield from _names(kinds)
            case ast.MatchClass(cls=kind):
                yield from _names(kind)
            case ast.AsyncFunctionDef(args=taken):
                yield from _names(*(a.annotation for a in taken.args if a.annotation))


def _names(*nodes: ast.AST) -> Iterator[str]:
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                yield inner.id


def _kept(root: Path, kind: str) -> list[Kept]:
    found = []
    for node in ast.walk(ast.parse((root / CONTRACTS / "topology.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == kind:
            given = {
                k.arg: k.value for k in node.keywords if k.arg in ("name", "subjects", "owner")
            }
            values: dict[str, Any] = {arg: ast.literal_eval(v) for arg, v in given.items()}
            detail = values.get("subjects") or (values["owner"],)
            found.append(Kept(values["name"], detail))
    return found


def _streams_of(message: Spoken, streams: list[Kept]) -> str:
    names = [s.name for s in streams if any(_fits(message.subject, p) for p in s.detail)]
    return ", ".join(names) or "none"


def _fits(subject: str, pattern: str) -> bool:
    mine, theirs = subject.split("."), pattern.split(".")
    return len(mine) == len(theirs) and all(
        theirs_token in ("*", token) or "{" in token
        for token, theirs_token in zip(mine, theirs, strict=True)
    )


def _rooms(spoken: dict[str, Spoken]) -> list[str]:
    says: dict[str, set[str]] = defaultdict(set)
    hears: dict[str, set[str]] = defaultdict(set)
    for one in spoken.values():
        for path in one.says:
            says[path.parts[1]].add(one.name)
        for path in one.hears:
            hears[path.parts[1]].add(one.name)
    return _table(
        ("room", "hears", "says"),
        [
            (room, ", ".join(sorted(hears[room])), ", ".join(sorted(says[room])))
            for room in sorted(says.keys() | hears.keys())
        ],
    )


def _titled(one: Spoken) -> str:
    return f"**{one.name}** {one.meaning}"


def _files(paths: set[Path]) -> str:
    """Links from docs/ to the files, named by room and file."""
    return "<br>".join(
        f"[{path.parts[1]}/{path.name}](../{path.as_posix()})" for path in sorted(paths)
    )


def _quoted(texts: tuple[str, ...]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def main() -> int:
    """Write the map, or with `--check` compare it."""
    wanted = render()
    path = ROOT / MAP
    if sys.argv[1:] == ["--check"]:
        if not path.exists() or path.read_text() != wanted:
            print(f"{MAP} is not true any more; run ./task map and commit it", file=sys.stderr)
            return 1
        print(f"{MAP} is true")
        return 0
    path.parent.mkdir(exist_ok=True)
    path.write_text(wanted)
    print(f"wrote {MAP}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
