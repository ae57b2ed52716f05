"""Two registrations of one person at one event: the better one is kept, whatever the two were."""

from itertools import product

import pytest
from link_house import BEN, TELEGRAM, WHATSAPP, LinkHouse
from registry_commands import check_in
from registry_house import QuietHouse, chat, give_back

from contracts import Address, RegistrationCard

SEATS = 20
"""Of which two may be held."""
STATES = ("checked-in", "confirmed", "held", "offered", "waiting")
HOLDING = {"checked-in", "confirmed", "held", "offered"}


class FullEvent:
    """An event where two people have what a test wants, and a third waits behind them."""

    def __init__(self, links: LinkHouse) -> None:
        self.links = links
        self.fillers: list[RegistrationCard] = []

    async def let(self, *wanted: tuple[Address, str]) -> list[RegistrationCard]:
        """Everybody has what they are to have, the first of equals first."""
        event = await self.links.house.event(seats=SEATS)
        cards: dict[Address, RegistrationCard] = {}
        for address, state in wanted:
            if state in ("checked-in", "confirmed", "held"):
                cards[address] = await self.seat(event, address, state)
        taken = len(cards)
        for person in range(100, 100 + SEATS - taken):
            self.fillers.append(await self.seat(event, chat(person), "confirmed"))
        for address, state in sorted(wanted, key=lambda pair: pair[1] == "waiting"):
            if state in ("offered", "waiting"):
                cards[address] = await self.seat(event, address, "waiting")
            if state == "offered":
                filler = self.fillers.pop()
                await self.links.does(give_back(filler, None))
        return [cards[address] for address, _ in wanted]

    async def seat(self, event: object, address: Address, state: str) -> RegistrationCard:
        claim = self.links.claim(event, address)  # type: ignore[arg-type]
        handlers = self.links.house.handlers if state == "held" else self.links.without_proof
        if state == "held":
            await self.set_email(address, None)
        result = (await self.links.house.carry_out(claim, handlers)).result
        if state == "held":
            await self.set_email(address, BEN if address == WHATSAPP else None)
        card: RegistrationCard = result.registration  # type: ignore[union-attr]
        if state == "checked-in":
            await self.links.does(check_in(card))
        return card

    async def set_email(self, address: Address, email: str | None) -> None:
        await self.links.house.rows(
            "UPDATE users SET email = $1 FROM identities AS i WHERE i.user_id = users.id AND "
            "i.chat_id = $2",
            email,
            address.chat_id,
        )


@pytest.fixture
def links(quiet_house: QuietHouse) -> LinkHouse:
    return LinkHouse(quiet_house)


@pytest.mark.parametrize(("joins", "joined"), list(product(STATES, STATES)))
async def test_the_better_of_two_is_kept(links: LinkHouse, joins: str, joined: str) -> None:
    await links.proves(WHATSAPP, BEN)
    full = FullEvent(links)
    cards = await full.let((TELEGRAM, joins), (WHATSAPP, joined))
    third = await full.seat(cards[0].event.id, chat(3), "waiting")
    assert third.status == "waiting"
    proven = await links.proves(TELEGRAM, BEN)
    assert proven.freed == 1
    kept, ended = (0, 1) if STATES.index(joins) <= STATES.index(joined) else (1, 0)
    left = await links.statuses(*cards)
    was = (joins, joined)[kept]
    is_now = {"checked-in": "confirmed", "held": "confirmed"}.get(was, was)
    assert (left[kept], left[ended]) == (is_now, "merged")
    assert [card.id for card in proven.registrations] == [cards[kept].id] * (was == "held")
    frees = (joins, joined)[ended] in HOLDING
    assert await links.statuses(third) == ["offered" if frees else "waiting"]
    rows = await links.registrations()
    assert (rows[cards[kept].id]["checked_in_at"] is not None) == (was == "checked-in")
    await links.judge()
