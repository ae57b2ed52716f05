"""Whether people can be written to, as the notifier learns it."""

from sqlalchemy.dialects.postgresql import insert

from contracts import NoteReachability
from registry.delivery_tables import Reachability
from registry.people import find_person
from registry.results import ReachabilityNoted, Stored
from registry.work import Work


async def note_reachability(work: Work, command: NoteReachability) -> Stored:
    """Of two words about a chat the later one stays, whichever is carried out first.

    A chat that nobody is known behind is noted as well: it may become somebody's.
    """
    chat = command.chat.model_dump()
    said = {
        "blocked": command.blocked,
        "marketing_stopped": command.marketing_stopped,
        "reason": command.reason,
        "at": command.at,
    }
    noted = insert(Reachability).values(**chat, **said)
    rows = await work.connection.execute(
        noted.on_conflict_do_update(
            index_elements=list(chat),
            set_=said,
            where=Reachability.at <= noted.excluded.at,
        ).returning(Reachability.at)
    )
    person = await find_person(work.connection, command.chat, command.at)
    return Stored(
        result=ReachabilityNoted(
            known=person is not None,
            newer=rows.one_or_none() is not None,
        )
    )
