"""What organisers do in a soak: change events by HTTP, and registrations by command."""

from typing import Any

from contracts import (
    AddRegistration,
    CancelRegistration,
    CheckIn,
    MoveRegistration,
    ResendTicket,
    UndoCheckIn,
)
from tests.chaos.registry_scene import Scene

CALLED_OFF = 0.01


async def act_as_organiser(scene: Scene) -> None:
    """Do one thing as an organiser."""
    if scene.chance.random() < CALLED_OFF:
        await scene.call_off(scene.chance.choice(scene.events))
        return
    acts = [*[_change_capacity] * 6, *[_reschedule] * 2, *[_move] * 3, *[_add] * 3]
    acts += [*[_take_back] * 2, *[_check_in] * 6, *[_undo_check_in] * 2, _resend]
    await scene.chance.choice(acts)(scene)


async def _change_capacity(scene: Scene) -> None:
    await scene.desk.changes(scene.chance.choice(scene.events), max_participants=scene.seats())


async def _reschedule(scene: Scene) -> None:
    starts_at = scene.crowd.now() + scene.time_until_start()
    await scene.desk.changes(scene.chance.choice(scene.events), starts_at=starts_at.isoformat())


async def _move(scene: Scene) -> None:
    to = scene.chance.choice(["confirmed", "waiting"])
    place = scene.chance.choice(["front", "end"])
    await _send(scene, MoveRegistration, to=to, place=place, reason="a speaker")


async def _add(scene: Scene) -> None:
    event_id = scene.chance.choice(scene.events)
    await scene.crowd.send(
        scene.crowd.make(AddRegistration, "desk", event_id=event_id, name="At the desk")
    )


async def _take_back(scene: Scene) -> None:
    await _send(scene, CancelRegistration, address=None, by="admin", reason="no show")


async def _check_in(scene: Scene) -> None:
    await _send(scene, CheckIn, scanner="door")


async def _undo_check_in(scene: Scene) -> None:
    await _send(scene, UndoCheckIn, reason="a mistake")


async def _resend(scene: Scene) -> None:
    await _send(scene, ResendTicket)


async def _send(scene: Scene, kind: type[Any], **more: Any) -> None:
    if not scene.known:
        return
    registration_id, event_id, _ = scene.chance.choice(scene.known)
    command = scene.crowd.make(
        kind, "desk", event_id=event_id, registration_id=registration_id, **more
    )
    await scene.crowd.send(command)
