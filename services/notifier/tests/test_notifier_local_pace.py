"""Ring and own pace are never used within the same window, whoever notices first."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.topology import PERMIT_WINDOW_SECONDS
from notifier.local_pace import QUIET_SECONDS, Footing, OwnPace

STEP_SECONDS = 0.05


def test_without_trouble_permits_come_from_the_ring() -> None:
    assert Footing().at(0.0) == "ring"


def test_there_is_a_window_of_silence_before_the_own_pace_and_after_it() -> None:
    footing = Footing()
    footing.cut(100.0)
    assert footing.at(100.0) == "silence"
    for tenth in range(1, 30):
        footing.cut(100.0 + tenth / 10)
    assert footing.at(100.0 + PERMIT_WINDOW_SECONDS + 0.01) == "own"
    assert footing.at(102.9) == "own"
    assert footing.at(102.9 + QUIET_SECONDS) == "silence"
    assert footing.at(102.9 + QUIET_SECONDS + PERMIT_WINDOW_SECONDS) == "ring"


@given(
    # When each of four processes is cut off or hears of it, in steps; signs come in clusters.
    st.lists(st.lists(st.integers(0, 400), max_size=40), min_size=1, max_size=4),
    st.lists(st.integers(0, 400), max_size=40),
)
def test_no_process_uses_the_ring_within_a_window_of_an_own_call(
    own_signs: list[list[int]], shared: list[int]
) -> None:
    for signs in own_signs:
        footing, last = Footing(), {"ring": float("-inf"), "own": float("-inf")}
        cuts = {*signs, *shared}
        for step in range(500):
            now = step * STEP_SECONDS
            if step in cuts:
                footing.cut(now)
            source = footing.at(now)
            if source == "silence":
                continue
            last[source] = now
            assert abs(last["ring"] - last["own"]) >= PERMIT_WINDOW_SECONDS - 1e-9


@given(st.integers(4, 1000), st.integers(1, 8), st.floats(0, 1))
def test_all_processes_together_keep_the_limit_in_every_second(
    permits: int, replicas: int, phase: float
) -> None:
    if permits < replicas:
        return
    interval = OwnPace("telegram", replicas).interval_seconds(permits)
    # The most that fall into one second, wherever it begins, if all processes begin together.
    per_process = int((1.0 - 1e-9) / interval) + 1
    assert replicas * per_process <= permits


def test_without_the_division_four_processes_would_make_four_times_the_limit() -> None:
    """The negative control of the test before."""
    interval = OwnPace("telegram", 1).interval_seconds(30)
    assert 4 * (int((1.0 - 1e-9) / interval) + 1) > 100


def test_on_whatsapp_half_is_left_for_what_people_write() -> None:
    telegram, whatsapp = OwnPace("telegram", 4), OwnPace("whatsapp", 4)
    assert whatsapp.interval_seconds(80) == 2 * telegram.interval_seconds(80)
