"""What our code must not do, and no linter says."""

import ast

import pytest

from tests.house.source import Module, complain, modules

SERVICE_CODE = "services/*/src/**/*.py"
REAL_TIME = frozenset({
    # A platform's pause is told to every replica, and passes in real time whatever the demo's clock
    # says.
    "services/notifier/src/notifier/real_time.py",
})  # fmt: skip
PERSONAL = frozenset({
    "text", "name", "email", "phone", "username", "chat_id", "address", "label", "token", "ticket",
    "sender", "body", "secret",
})  # fmt: skip


def test_services_read_the_environment_only_in_their_settings() -> None:
    offences = [
        module.at(node)
        for module in modules(SERVICE_CODE)
        # A migration is a command of its own, with nothing but the database's address.
        if module.path.name not in ("settings.py", "migrate.py")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and node.attr in ("getenv", "environ")
    ]
    complain(offences, "a field of the service's Settings, handed to whoever needs it")


def test_services_take_the_time_from_their_clock() -> None:
    clocks = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time")}
    offences = [
        module.at(node)
        for module in modules(SERVICE_CODE)
        if str(module.path) not in REAL_TIME
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in clocks
    ]
    complain(
        offences,
        "service.clock.now() for business time, time.monotonic() for how long something takes",
    )


def test_business_time_in_sql_is_a_parameter() -> None:
    offences = [
        module.at(node)
        for module in modules("services/registry/src/**/*.py")
        if "migrations" not in module.path.parts
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) == "func.now")
        or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not _is_docstring(module.tree, node)
            and any(word in node.value.lower() for word in ("now()", "current_timestamp"))
        )
    ]
    complain(offences, "pass clock.now() into the statement: the server's clock cannot be advanced")


def test_logs_carry_ids_and_no_person() -> None:
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    offences = [
        f"{module.at(node)} logs {keyword.arg}"
        for module in modules(SERVICE_CODE, "libs/runtime/src/**/*.py")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in levels
        and ast.unparse(node.func.value).endswith("log")
        for keyword in node.keywords
        if keyword.arg in PERSONAL
    ]
    complain(offences, "log a fact in words and ids: log.info('seat claimed', event_id=...)")


@pytest.mark.parametrize(
    ("package", "homes", "instead"),
    [
        ("aiogram", {"notifier"}, "only the notifier talks to Telegram"),
        ("pywa", {"notifier"}, "only the notifier talks to WhatsApp"),
        ("pywa_async", {"notifier"}, "only the notifier talks to WhatsApp"),
        ("sqlalchemy", {"registry"}, "only the registry owns the database"),
        ("asyncpg", {"registry"}, "only the registry owns the database"),
        ("faststream", set(), "subscribe by runtime's Service.on"),
        ("prometheus_client", set(), "runtime.metrics has counter, gauge and histogram"),
        ("logging", set(), "structlog.get_logger(), configured by the runtime"),
    ],
)
def test_a_library_is_used_where_it_is_at_home(package: str, homes: set[str], instead: str) -> None:
    offences = [
        f"{module.path} imports {package}"
        for module in modules(SERVICE_CODE)
        if module.path.parts[1] not in homes and package in module.imports
    ]
    complain(offences, instead)


def test_tests_wait_for_a_fact_and_not_for_time() -> None:
    offences = [
        module.at(node)
        for module in modules("**/tests/**/*.py", "benchmarks/**/*.py")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and _seconds(node) > 0.2
    ]
    complain(offences, "poll for what you wait for, with a deadline; house.quiet() waits for all")


def test_tests_replace_nothing_of_ours() -> None:
    offences = [
        module.at(node)
        for module in modules("**/tests/**/*.py")
        for node in ast.walk(module.tree)
        if _imports_mock(node) or "mocker" in _arguments(node)
    ]
    complain(offences, "a real server, the simulator or a transport; a missing seam is made")


def _seconds(call: ast.Call) -> float:
    match call.args:
        case [ast.Constant(value=int(seconds) | float(seconds)), *_]:
            return float(seconds)
    return 0.0


def _imports_mock(node: ast.AST) -> bool:
    match node:
        case ast.ImportFrom(module="unittest", names=names):
            return any(alias.name == "mock" for alias in names)
        case ast.ImportFrom(module="unittest.mock"):
            return True
        case ast.Import(names=names):
            return any(alias.name == "unittest.mock" for alias in names)
    return False


def _arguments(node: ast.AST) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return {argument.arg for argument in node.args.args}
    return set()


def _is_docstring(tree: ast.AST, constant: ast.Constant) -> bool:
    return any(isinstance(n, ast.Expr) and n.value is constant for n in ast.walk(tree))


def test_the_rules_see_what_they_forbid() -> None:
    """A rule that finds nothing because it looks at nothing would be the worst."""
    bad = ast.parse("import unittest.mock\ntime.sleep(3)\n")
    module = Module(modules(SERVICE_CODE)[0].path, bad)
    assert any(_imports_mock(node) for node in ast.walk(module.tree))
    assert [_seconds(n) for n in ast.walk(bad) if isinstance(n, ast.Call)] == [3.0]
    assert len(modules(SERVICE_CODE)) > 20
