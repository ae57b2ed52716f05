"""The whole simulated world, put together."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.acts import Acts
from simulator.core import Core, create_core
from simulator.mail import Mailbox
from simulator.people import Platform
from simulator.settings import Settings
from simulator.telegram.acts import TelegramActs
from simulator.telegram.bot import Bot
from simulator.telegram.methods import call_in_reply
from simulator.whatsapp.acts import WhatsAppActs
from simulator.whatsapp.business import Business


@dataclass(frozen=True)
class World:
    """Both platforms, their people, and the mailbox."""

    core: Core
    bot: Bot
    business: Business
    acts: dict[Platform, Acts]
    mailbox: Mailbox

    def reset(self) -> None:
        """Forget people, chats, mails, faults, counts, ledger. What was set up stays: both
        webhooks, the bot's commands, and the clock, which never goes back because services
        remember what they did at later times.
        """
        self.bot.reset()
        self.business.reset()
        self.mailbox.clear()
        self.core.reset()

    async def close(self) -> None:
        """Stop everything that is under way."""
        await self.bot.webhook.close()
        await self.business.close()


def create_world(settings: Settings) -> World:
    """An empty world with its seeded templates."""
    core = create_core(settings)
    bot, business = Bot(core, call_in_reply), Business(core)
    return World(
        core=core,
        bot=bot,
        business=business,
        acts={"telegram": TelegramActs(bot), "whatsapp": WhatsAppActs(business)},
        mailbox=Mailbox(core.clock),
    )
