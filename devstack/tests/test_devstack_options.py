"""What can be asked on the command line."""

from pathlib import Path

import pytest

from devstack.installation import plan
from devstack.options import ROOT, Request, read
from devstack.process import Failed
from devstack.watch import affected


def test_without_words_the_demo_is_started_with_everything_at_its_place() -> None:
    options, request = read([], {})
    assert request is None
    assert options.home == ROOT / ".turnout"
    assert options.ports.url("gateway") == "http://127.0.0.1:8080"
    assert options.ports.url("simulator") == "http://127.0.0.1:8090"
    assert options.restart
    assert options.seed == "demo"


def test_the_environment_moves_it_and_gives_it_other_servers(tmp_path: Path) -> None:
    options, _ = read(
        ["--replicas", "notifier=3", "--replicas", "registry=2"],
        {
            "TURNOUT_HOME": str(tmp_path),
            "TURNOUT_PORT_BASE": "9000",
            "NATS_URL": "nats://elsewhere:4222",
            "DATABASE_URL": "",
        },
    )
    assert options.home == tmp_path
    assert options.ports.of("nats") == 9020
    assert options.replicas == {"notifier": 3, "registry": 2}
    assert options.nats_url == "nats://elsewhere:4222"
    assert options.database_url is None


def test_a_request_names_a_process_and_its_replica() -> None:
    _, request = read(["restart", "notifier.2", "--env", "TURNOUT_CRASH_AT=a:1"], {})
    assert request == Request(
        verb="restart", name="notifier", replica=2, environment={"TURNOUT_CRASH_AT": "a:1"}
    )


@pytest.mark.parametrize(
    ("words", "environment", "complaint"),
    [
        (["start"], {}, "start what?"),
        (["--replicas", "notifier=0"], {}, "from 1 to 20"),
        (["--replicas", "notifier"], {}, "NAME=VALUE"),
        (["--env", "x"], {}, "NAME=VALUE"),
        ([], {"TURNOUT_PORT_BASE": "eighty"}, "TURNOUT_PORT_BASE"),
        ([], {"TURNOUT_PORT_BASE": "80"}, "from 1024"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(
    words: list[str],
    environment: dict[str, str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        read(words, environment)
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("services/gateway/src/gateway/main.py", {"gateway"}),
        ("services/conversation/src/conversation/locale/ru/x.po", {"conversation"}),
        ("simulator/src/simulator/page/page.js", {"simulator"}),
        ("services/gateway/tests/test_x.py", set()),
        ("services/gateway/README.md", set()),
        ("services/gateway/src/gateway/__pycache__/main.cpython-311.pyc", set()),
    ],
)
def test_a_change_concerns_who_runs_it(path: str, names: set[str]) -> None:
    assert affected([str(ROOT / path)]) == names


def test_a_change_of_a_library_concerns_every_service() -> None:
    assert {"gateway", "notifier"} < affected([str(ROOT / "libs/runtime/src/runtime/clock.py")])


def test_states_in_redis_bring_a_redis_unless_there_is_one(tmp_path: Path) -> None:
    def servers(**environment: str) -> dict[str, str]:
        options, _ = read([], {"TURNOUT_HOME": str(tmp_path), **environment})
        installation = plan(options)
        (conversation,) = [p for p in installation.services if p.name == "conversation"]
        assert conversation.environment["STATE_STORE"] == environment.get(
            "STATE_STORE", "jetstream"
        )
        return {
            "started": " ".join(program.name for program in installation.servers),
            "used": conversation.environment["REDIS_URL"],
        }

    assert servers()["started"] == "nats postgres"
    assert servers(STATE_STORE="redis") == {
        "started": "nats postgres redis",
        "used": "redis://127.0.0.1:8103/0",
    }
    assert servers(STATE_STORE="redis", REDIS_URL="redis://elsewhere/1") == {
        "started": "nats postgres",
        "used": "redis://elsewhere/1",
    }
    with pytest.raises(Failed, match="STATE_STORE is one of jetstream, redis"):
        servers(STATE_STORE="memory")
