"""What people do to show who they are, told as they would tell it."""

from tests.e2e.people import Heard, Person


async def asks_to_link(person: Person, email: str) -> Heard:
    """Somebody whom this chat has never heard says that they are registered already.

    Returns:
        What the chat says to the address, which is that a code was sent.
    """
    await person.says("/start" if person.platform == "telegram" else "Hello")
    await person.hears()
    await person.taps("Already registered")
    await person.hears()
    await person.says(email)
    return await person.hears()


async def links(person: Person, owner: Person) -> Heard:
    """Go the whole way with the code that came to the owner's mailbox; returns the answer."""
    await asks_to_link(person, owner.email)
    await person.says(await owner.reads_the_code())
    return await person.hears()


async def mine(person: Person) -> str:
    """What the chat shows as one's registrations: text and choices."""
    await person.says("my registrations")
    heard = await person.hears()
    return "\n".join([heard.text, *heard.labels])
