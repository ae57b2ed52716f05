"""How the project is laid out."""

import ast
import re
from pathlib import Path

import yaml

from tests.house.source import MEMBERS, ROOT, SERVICES, complain, files, modules

FOLDERS_FOR_NOTHING = frozenset({"common", "helpers", "misc", "shared", "util", "utils"})
# Put together, so that this file does not hold what it forbids.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
QUOTED_TEST = re.compile(r"`([\w/.-]+\.py)::(\w+)`")
QUOTED_TESTS_MIN = 50
"""The sketch's answers alone quote more; fewer means that the pattern no longer finds them."""
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(work|root|home/[a-z]+|Users/[A-Za-z]+)/")


def test_every_member_has_a_readme_a_source_folder_and_tests() -> None:
    wanted = ("README.md", "pyproject.toml", "src", "tests")
    offences = [
        f"{member.relative_to(ROOT)} has no {name}"
        for member in MEMBERS
        for name in wanted
        if not (member / name).exists()
    ]
    complain(offences, "add it; a README of a few lines says what the room is for")


def test_every_service_can_be_shipped_alone() -> None:
    offences = [
        f"services/{name} has no Dockerfile"
        for name in SERVICES
        if not (ROOT / "services" / name / "Dockerfile").exists()
    ]
    complain(offences, "copy another service's and change the name")


def test_nothing_is_named_after_nothing() -> None:
    offences = [
        str(module.path)
        for module in modules("**/src/**/*.py", "tests/**/*.py", "benchmarks/**/*.py")
        if not FOLDERS_FOR_NOTHING.isdisjoint({*module.path.parts[:-1], module.path.stem})
    ]
    complain(offences, "name the file after its idea")


def test_nothing_is_left_for_later_in_a_comment() -> None:
    offences = [
        f"{path}:{number}"
        for path in files()
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    complain(offences, "do it, or open an issue")


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    offences = [
        f"{path}:{number}"
        for path in files()
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    complain(offences, "a path from the root of the project, or a setting")


def test_every_verb_says_what_it_does() -> None:
    verbs = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    offences = [
        name for name, verb in verbs.items() if not verb.get("desc") and not verb.get("internal")
    ]
    complain(offences, "a `desc`, which ./task --list shows")


def test_the_example_environment_names_exactly_the_settings_that_exist() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {m[1] for line in lines if (m := re.match(r"#?([A-Z][A-Z0-9_]+)=", line))}
    exist = _settings()
    complain(
        [f"{name} is missing" for name in sorted(exist - named)]
        + [f"{name} is no setting of ours" for name in sorted(named - exist)],
        "name each setting of runtime and the services in .env.example, with a word about it",
    )


def _settings() -> set[str]:
    """Fields of every `…Settings` class in capitals: how the environment names them."""
    return {
        statement.target.id.upper()
        for module in modules("services/*/src/*/settings.py", "libs/runtime/src/*/settings.py")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Settings")
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def test_every_decision_is_recorded_in_one_form() -> None:
    parts = ("Context", "Decision", "Consequences", "Alternatives")
    offences = [
        f"docs/adr/{path.name} says nothing under {part}"
        for path in sorted(Path(ROOT / "docs" / "adr").glob("[0-9]*.md"))
        for part in parts
        if not re.search(rf"^## {part}", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    complain(offences, "Context, Decision, Consequences, Alternatives, on one page")


def test_every_test_that_a_document_quotes_exists() -> None:
    quoted = [
        (path, quote)
        for path in files()
        if path.suffix == ".md"
        for quote in QUOTED_TEST.findall((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert len(quoted) > QUOTED_TESTS_MIN
    offences = [
        f"{path}: {file}::{name}"
        for path, (file, name) in quoted
        if not (ROOT / file).exists() or f"def {name}(" not in (ROOT / file).read_text("utf-8")
    ]
    complain(offences, "quote the test by its present name, or say that it is not shown yet")
