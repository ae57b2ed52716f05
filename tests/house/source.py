"""The project's own files, as the house rules look at them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = tuple(sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml")))
MEMBERS = tuple(
    sorted(
        path.parent
        for pattern in ("libs/*", "services/*", "simulator", "devstack")
        for path in ROOT.glob(f"{pattern}/pyproject.toml")
    )
)
NOT_OURS = frozenset({"__pycache__", "node_modules", "dist"})
HIDDEN_AND_OURS = frozenset({".ci", ".env.example"})
TEXT_SUFFIXES = frozenset(
    {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".po", ".html", ".css", ".js", ".json", ""}
)


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file, read once."""

    path: Path
    """From the root of the project."""
    tree: ast.Module

    @property
    def imports(self) -> set[str]:
        """Top names of everything it imports."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=aliases):
                    names.update(alias.name.split(".")[0] for alias in aliases)
                case ast.ImportFrom(module=str(module), level=0):
                    names.add(module.split(".")[0])
        return names

    def at(self, node: ast.AST) -> str:
        """`path:line` of a node, to click on."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def modules(*patterns: str) -> tuple[Module, ...]:
    """Every Python file that matches, such as `services/*/src/**/*.py`."""
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    return tuple(
        Module(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8")))
        for path in paths
        if all(map(_is_ours, path.relative_to(ROOT).parts))
    )


def files() -> Iterator[Path]:
    """Every text file of the project, from its root."""
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.is_symlink() or not _is_ours(path.name):
                continue
            if path.is_dir():
                folders.append(path)
            elif path.suffix in TEXT_SUFFIXES:
                yield path.relative_to(ROOT)


def _is_ours(name: str) -> bool:
    # What tools and editors keep beside us is hidden or made.
    return name in HIDDEN_AND_OURS or not (name.startswith(".") or name in NOT_OURS)


def complain(offences: list[str], instead: str) -> None:
    """Fail with every offence and with what to do instead."""
    assert not offences, "\n".join([*offences, "", f"Instead: {instead}"])
