"""What people do in a soak: claim, give back, answer offers, hand seats on."""

from typing import Any

from contracts import AcceptOffer, AcceptTransfer, CancelRegistration, DropTransfer, OfferTransfer
from tests.chaos.registry_crowd import Told, person
from tests.chaos.registry_scene import Known, Scene

PEOPLE = 80
"""Two or three for each seat: lines stay short enough to move."""
OFFERS_ANSWERED_LATE = 0.3
LATE_MIN = 15
"""So many offers are left to run out, at any time, before the first of them is answered."""


async def act_as_person(scene: Scene) -> None:
    """Do one thing as anybody, and wait for the answer."""
    acts = [*[_claim] * 10, *[_give_back] * 6, *[_answer_offer] * 5]
    acts += [*[_promise] * 2, *[_answer_promise] * 2, _answer_late]
    await scene.chance.choice(acts)(scene)


async def _claim(scene: Scene) -> None:
    event_id, number = scene.chance.choice(scene.events), scene.chance.randrange(PEOPLE)
    async with scene.turns[number]:
        told = await scene.crowd.ask(scene.crowd.claim(event_id, number))
    scene.learn(told, number)
    if told.kind == "claim-refused" and told.outcome["reason"] == "started":
        await scene.replace(event_id)


async def _give_back(scene: Scene) -> None:
    if known := scene.some(scene.known):
        await _ask(scene, CancelRegistration, known)


async def _answer_offer(scene: Scene) -> None:
    offer = scene.some(scene.offered)
    known = next((one for one in scene.known if one[:2] == offer), None)
    if known is None:
        return
    if scene.chance.random() < OFFERS_ANSWERED_LATE:
        scene.late.append(known)
    else:
        kind = AcceptOffer if scene.chance.random() < 0.7 else CancelRegistration
        scene.learn(await _ask(scene, kind, known), known[2])


async def _answer_late(scene: Scene) -> None:
    if len(scene.late) > LATE_MIN:
        known = scene.late.pop(0)
        scene.learn(await _ask(scene, AcceptOffer, known), known[2])


async def _promise(scene: Scene) -> None:
    if known := scene.some(scene.known):
        # Only people on Telegram prove addresses here; they have the even numbers.
        receiver = scene.chance.randrange(0, PEOPLE, 2)
        await _ask(scene, OfferTransfer, known, to_email=f"{person(receiver).chat_id}@example.com")
        scene.known.append(known)
        scene.promised.append((known[0], known[1], receiver))


async def _answer_promise(scene: Scene) -> None:
    if promised := scene.some(scene.promised):
        kind = AcceptTransfer if scene.chance.random() < 0.8 else DropTransfer
        scene.learn(await _ask(scene, kind, promised), promised[2])


async def _ask(scene: Scene, kind: type[Any], known: Known, **more: Any) -> Told:
    registration_id, event_id, number = known
    command = scene.crowd.make(
        kind,
        "person",
        event_id=event_id,
        registration_id=registration_id,
        address=person(number),
        **more,
    )
    async with scene.turns[number]:
        return await scene.crowd.ask(command)
