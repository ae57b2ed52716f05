"""Migrations run beside the traffic: none may keep a big table locked, or take away what the old
services, which run on beside the new schema, still use.

The rules read the SQL that PostgreSQL would get, so loops, variables and plain SQL hide nothing.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from tests.house.source import ROOT, complain

MIGRATIONS = sorted(ROOT.glob("services/*/src/*/migrations/versions/[0-9]*.py"))
CONTRACT = re.compile(r"# contract: (?P<what>[\w.]+): \w+ \w+")
"""Says of a table, or of `table.column`, since when nobody uses it."""
QUOTED = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\$(?P<tag>\w*)\$(?P<body>.*?)\$(?P=tag)\$", re.DOTALL)
TABLE = re.compile(
    r"\w+: (?:CREATE (?:UNIQUE )?INDEX .*? ON"
    r"|ALTER TABLE(?: IF EXISTS)?(?: ONLY)?|INSERT INTO|UPDATE(?: ONLY)?|DELETE FROM)"
    r" (?P<table>\w+)"
)
DROPPED = re.compile(
    r"ALTER TABLE (?P<table>\w+) (?:DROP COLUMN|RENAME(?: COLUMN)?(?! TO| CONSTRAINT))"
    r"(?: IF EXISTS)? (?P<column>\w+)"
    r"|ALTER TABLE (?P<renamed>\w+) RENAME TO|DROP TABLE(?: IF EXISTS)? (?P<gone>\w+)"
)
ALSO = re.compile(r",|\bCASCADE\b", re.IGNORECASE)
ALONE = "under `with op.get_context().autocommit_block():`"
NEXT = "(postgresql_not_valid=True), and in the next migration VALIDATE CONSTRAINT, " + ALONE

# In order; what matches is refused with what to do instead. BEGUN: inside of a transaction.
REFUSED = (
    (r"(CREATE|DROP) .*\bINDEX (?!CONCURRENTLY)", f"postgresql_concurrently=True, {ALONE}"),
    (r"BEGUN: .*(CONCURRENTLY|VALIDATE CONSTRAINT)", f"the same {ALONE}"),
    (r"DROP INDEX CONCURRENTLY (?!IF EXISTS)", "if_exists=True: it may have to be run again"),
    (r"ADD (CONSTRAINT \w+ )?(CHECK|FOREIGN KEY)(?!.* NOT VALID$)", f"the constraint {NEXT}"),
    (
        r"ADD (CONSTRAINT \w+ )?(UNIQUE|PRIMARY KEY|EXCLUDE)(?! USING INDEX)",
        "a unique index, built concurrently; it promises the same",
    ),
    (
        r"ADD COLUMN .*(GENERATED|SERIAL)",
        "a column that may be empty, which the services fill: this writes the whole table anew",
    ),
    (
        r"ADD COLUMN .* DEFAULT (?!now\(\)|CURRENT_TIMESTAMP).*\(",
        "a constant default, or none: what differs by row writes the whole table anew",
    ),
    (
        r"ADD COLUMN (?!.*\bDEFAULT\b).* NOT NULL",
        "a server_default: old services do not fill the column",
    ),
    (
        r"ALTER COLUMN \w+ (SET DATA )?TYPE\b",
        "a new column, written beside the old one: this writes the whole table anew",
    ),
    (r"ALTER COLUMN \w+ SET NOT NULL", f"a CHECK that it IS NOT NULL {NEXT}"),
    (r": LOCK ", "nothing: a statement takes the lock that it needs, and no longer than it needs"),
    (
        r": TRUNCATE|BEGUN: (DO|WITH|UPDATE|DELETE)|: (WITH|UPDATE|DELETE)(?!.* LIMIT )|: DO (?!B)",
        f"batches, each with its COMMIT: a DO block that loops over UPDATE ... LIMIT, {ALONE}",
    ),
    (
        r"ALTER TABLE .*, (ADD|DROP|ALTER|RENAME|VALIDATE|SET) ",
        "a statement for each of these, for this test to read",
    ),
)
HARMLESS = re.compile(
    r"\w+: (CREATE TABLE|INSERT INTO|COMMENT ON|UPDATE|DELETE|WITH|DO|(CREATE|DROP) .*CONCURRENTLY"
    r"|ALTER TABLE (ONLY )?\w+ (ADD COLUMN|ADD CONSTRAINT|(DROP|VALIDATE|RENAME) CONSTRAINT"
    r"|ALTER COLUMN \w+ ((SET|DROP) DEFAULT|DROP NOT NULL)))\b"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration says to PostgreSQL."""

    source: str

    @property
    def statements(self) -> Iterator[str]:
        """Each on one line, without what is quoted, after `BEGUN: ` or `ALONE: `."""
        written = io.StringIO()
        context = MigrationContext.configure(
            dialect_name="postgresql",
            opts={"as_sql": True, "output_buffer": written, "transaction_per_migration": True},
        )
        names: dict[str, object] = {}
        exec(self.source, names)
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            upgrade = names["upgrade"]
            assert callable(upgrade)
            upgrade()
        state = "BEGUN"
        for statement in QUOTED.sub(_unquoted, written.getvalue()).split(";"):
            line = " ".join(statement.replace('"', "").split())
            if line in ("BEGIN", "COMMIT"):
                state = "BEGUN" if line == "BEGIN" else "ALONE"
            elif line:
                yield f"{state}: {line}"

    @property
    def contracts(self) -> set[str]:
        """What nobody uses any more, as its comments say."""
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        comments = (token.string for token in tokens if token.type == tokenize.COMMENT)
        return {match["what"] for comment in comments if (match := CONTRACT.match(comment))}

    @property
    def offences(self) -> list[str]:
        """What it must not do, and what to do instead."""
        statements = list(self.statements)
        created = set(re.findall(r": CREATE TABLE (\w+)", "\n".join(statements)))
        said: list[str] = []
        if len({statement.split(":")[0] for statement in statements}) > 1:
            said.append(
                "It works both inside and outside of a transaction\n    instead: two migrations: "
                "when what is outside fails, what was inside is kept, and cannot be run again"
            )
        for number, statement in enumerate(statements):
            table = TABLE.match(statement)
            if table and table["table"] in created:
                continue
            instead = self._instead(statement, statements[:number])
            if instead:
                said.append(f"{statement}\n    instead: {instead}")
        return said

    def _instead(self, statement: str, before: list[str]) -> str | None:
        if dropped := DROPPED.search(statement):
            what = dropped["renamed"] or dropped["gone"]
            what = what or f"{dropped['table']}.{dropped['column']}"
            if what in self.contracts and not ALSO.search(statement):
                return None
            return f"leave it to a later release, alone: `# contract: {what}: unused since 0.3`"
        for pattern, instead in REFUSED:
            if re.search(pattern, statement, re.IGNORECASE):
                return instead
        made = re.search(r"CREATE .*INDEX CONCURRENTLY (?:IF NOT EXISTS )?(\w+)", statement)
        if made and f"ALONE: DROP INDEX CONCURRENTLY IF EXISTS {made[1]}" not in before:
            return "first drop it if it exists, concurrently: an earlier try leaves an invalid one"
        if not HARMLESS.match(statement):
            return "another way, or teach this test for how long it locks what"
        return None


def _unquoted(quoted: re.Match[str]) -> str:
    if quoted[0].startswith("--"):
        return ""
    body = quoted["body"]
    if body and re.search(r"\bLIMIT\b.*\bCOMMIT\b", body, re.DOTALL | re.IGNORECASE):
        return "BATCHES"
    return "''"


def migration(*lines: str) -> Migration:
    body = "\n".join(f"    {line}" for line in lines)
    return Migration(
        f"import sqlalchemy as sa\nfrom alembic import op\n\n\ndef upgrade():\n{body}\n"
    )


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_a_migration_locks_nothing_for_long_and_takes_nothing_away(path: Path) -> None:
    complain(
        [f"{path.relative_to(ROOT)}: {said}" for said in Migration(path.read_text()).offences],
        "the README of the service says how, under 'To change the schema'",
    )


BESIDE = "with op.get_context().autocommit_block():"
DROP_INDEX = '    op.drop_index("ix", "users", if_exists=True, postgresql_concurrently=True)'
CREATE_INDEX = 'op.create_index("ix", "users", ["name"], postgresql_concurrently=True)'
ADDED = 'op.add_column("users", sa.Column("x", {}))'


@pytest.mark.parametrize(
    ("lines", "instead"),
    [
        (['op.create_index("ix", "users", ["name"])'], "concurrently=True"),
        ([CREATE_INDEX], "autocommit_block"),
        ([BESIDE, f"    {CREATE_INDEX}"], "first drop it"),
        (['op.execute("CREATE UNIQUE INDEX ix ON users (name)")'], "concurrently=True"),
        (['op.create_table("t", if_not_exists=True)', 'op.create_index("ix", "t", ["name"])'],
         "concurrently=True"),
        ([ADDED.format("sa.Text()"), BESIDE, DROP_INDEX], "two migrations"),
        (['op.drop_index("ix", "users")'], "concurrently=True"),
        ([BESIDE, '    op.execute("DROP INDEX CONCURRENTLY ix")'], "if_exists"),
        ([ADDED.format("sa.Text(), nullable=False")], "a server_default"),
        (['for c in [sa.Column("x", sa.Text(), nullable=False)]:', '    op.add_column("users", c)'],
         "a server_default"),
        ([ADDED.format('sa.Uuid(), server_default=sa.text("gen_random_uuid()")')], "constant"),
        ([ADDED.format("sa.Integer(), sa.Identity()")], "services fill"),
        ([ADDED.format('sa.Integer(), sa.Computed("1 + 1")')], "services fill"),
        ([ADDED.format('sa.Uuid(), sa.ForeignKey("events.id")')], "not_valid=True"),
        ([ADDED.format("sa.Text(), unique=True")], "a unique index"),
        ([ADDED.format("sa.Text(), index=True")], "concurrently=True"),
        (['op.create_check_constraint("ck", "users", "id > 0")'], "not_valid=True"),
        (['op.create_foreign_key("fk", "users", "events", ["e"], ["id"])'], "not_valid=True"),
        (['op.create_unique_constraint("uq", "users", ["name"])'], "a unique index"),
        (['op.create_primary_key("pk", "users", ["name"])'], "a unique index"),
        (['op.execute("ALTER TABLE users ADD CONSTRAINT ck CHECK (id > 0)")'], "not_valid=True"),
        (['op.execute("alter table users\\n  add check (id > 0)")'], "not_valid=True"),
        (['op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck")'], "autocommit_block"),
        (['op.alter_column("users", "name", type_=sa.Integer())'], "a new column"),
        (['op.alter_column("users", "name", nullable=False)'], "IS NOT NULL"),
        (['op.drop_column("users", "name")'], "# contract: users.name: "),
        (['op.drop_column("users", "name")  # contract: users.id: unused since 0.3'], "contract"),
        (['op.drop_column("users", "name")  # contract: users.name'], "contract"),
        (['op.drop_table("users")'], "# contract: users: "),
        (["# contract: a: unused since 0.3", 'op.execute("DROP TABLE a, b")'], "alone"),
        (["# contract: a: unused since 0.3", 'op.execute("DROP TABLE a CASCADE")'], "alone"),
        (['op.rename_table("users", "people")'], "# contract: users: "),
        (['op.alter_column("users", "name", new_column_name="n")'], "# contract: users.name: "),
        (['op.execute("ALTER TABLE users RENAME COLUMN name TO n")'], "# contract: users.name: "),
        (['op.execute("LOCK TABLE users")'], "nothing"),
        (['op.execute("UPDATE users SET name = lower(name)")'], "batches"),
        (['op.execute("INSERT INTO t SELECT 1; DELETE FROM users")'], "batches"),
        (['op.execute(sa.update(sa.table("users", sa.column("name"))).values(name="; LIMIT 1 "))'],
         "batches"),
        ([BESIDE, '    op.execute("DELETE FROM users WHERE true")'], "batches"),
        ([BESIDE, '    op.execute("DO $$ BEGIN UPDATE users SET name = 1; END $$")'], "batches"),
        (['op.execute("TRUNCATE users")'], "batches"),
        (['op.execute("ALTER TABLE users DROP CONSTRAINT a, ALTER b TYPE text")'], "for each"),
        (['op.execute("ALTER TABLE users SET LOGGED")'], "teach this test"),
        (['op.execute("CLUSTER users")'], "teach this test"),
        (["op.execute(\"SET lock_timeout = '1h'\")"], "teach this test"),
    ],
)  # fmt: skip
def test_the_rules_see_what_they_forbid(lines: list[str], instead: str) -> None:
    [offence] = migration(*lines).offences
    assert instead in offence.split("instead: ")[1]


BATCHES = "LOOP UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT 9); COMMIT; END LOOP;"


@pytest.mark.parametrize(
    "lines",
    [
        [BESIDE, DROP_INDEX, f"    {CREATE_INDEX}"],
        [BESIDE, '    op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck")'],
        [BESIDE, f'    op.execute("DO $$ BEGIN {BATCHES} END $$")'],
        ['op.create_check_constraint("ck", "users", "id > 0", postgresql_not_valid=True)'],
        ['op.create_foreign_key("f", "a", "b", ["c"], ["d"], postgresql_not_valid=True)'],
        ['op.execute("ALTER TABLE users ADD CONSTRAINT uq UNIQUE USING INDEX ix")'],
        [ADDED.format("sa.Text()")],
        [ADDED.format('sa.Text(), nullable=False, server_default="a (b); c"')],
        [ADDED.format("sa.DateTime(), nullable=False, server_default=sa.func.now()")],
        ['op.create_table("t", sa.Column("a", sa.Text()))', 'op.create_index("i", "t", ["a"])'],
        ['# contract: users.name: unused since 0.3', 'op.drop_column("users", "name")'],
        ['# contract: users: unused since 0.3', 'op.drop_table("users")'],
        ['op.drop_constraint("ck", "users")'],
        ['op.alter_column("users", "name", nullable=True, server_default="x")'],
    ],
)  # fmt: skip
def test_the_rules_allow_what_they_ask_for(lines: list[str]) -> None:
    assert migration(*lines).offences == []


def test_every_migration_is_looked_at() -> None:
    assert "0001_first_schema" in [path.stem for path in MIGRATIONS]
