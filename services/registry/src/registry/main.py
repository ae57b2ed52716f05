"""The registry: people, events and seats."""

from fastapi import APIRouter, Depends, FastAPI

from contracts import (
    DeliveryReported,
    DropChatState,
    ExportPerson,
    FindEvent,
    FindNotice,
    FindNoticeToPerson,
    ListEvents,
    ListRegistrations,
    LoadChatState,
    SaveChatState,
)
from contracts.topology import (
    COMMANDS_FETCHED_MAX,
    REGISTRY_COMMANDS,
    REGISTRY_DELIVERY,
    REGISTRY_WEBHOOKS,
)
from registry.access_tokens import AccessTokens
from registry.accounts import Accounts
from registry.api import problems
from registry.api.access import identified, started_only
from registry.api.audit import audit_routes
from registry.api.check_ins import check_in_routes
from registry.api.commanding import Commander
from registry.api.commands import command_routes
from registry.api.delivery import delivery_routes
from registry.api.events import event_routes
from registry.api.links import link_routes
from registry.api.messages import message_routes
from registry.api.registrations import registration_routes
from registry.api.ticket_key import ticket_key_routes
from registry.api.tokens import token_routes
from registry.api.webhooks import webhook_routes
from registry.carrying_out import decode
from registry.chat_states import ChatStates
from registry.database import Database
from registry.export import Exports
from registry.handlers import Handlers
from registry.person_queries import PersonQueries
from registry.proof_codes import ProofCodes
from registry.queries import Queries
from registry.result_intake import ResultIntake
from registry.settings import Settings, read_settings
from registry.sweep import LastSweep
from registry.tickets import Tickets
from registry.webhooks.intake import Intake, decode_fact
from registry.webhooks.sender import Sender
from registry.webhooks.signing import Signer
from runtime.service import Service

RESULTS_AT_ONCE = 256
"""In one process: what waits together is written together."""
FACTS_AT_ONCE = 8
"""Of one kind, in one process. Few: people who wait for their seat come first."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to be served."""
    settings = settings or read_settings()
    service = Service("registry", settings)
    database = Database(settings.database_url.get_secret_value())
    service.own(database)
    service.probe("postgres", database.check)
    tickets = Tickets(settings.ticket_key.get_secret_value())
    codes = ProofCodes(settings.ticket_key.get_secret_value())
    handlers = Handlers(
        database=database,
        broker=service.broker,
        clock=service.clock,
        tickets=tickets,
        codes=codes,
        proof_by_email=settings.proof_by_email,
        retention_days=settings.retention_days,
        commands_per_batch_max=settings.commands_per_batch_max,
    )
    service.on(
        REGISTRY_COMMANDS,
        object,
        handlers.handle,
        decode=decode,
        workers=COMMANDS_FETCHED_MAX,
        on_dead=handlers.give_up,
    )
    last_sweep = LastSweep(database)
    service.own(last_sweep)
    service.detail("sweep", last_sweep.show)
    queries = Queries(
        database=database, clock=service.clock, proof_by_email=settings.proof_by_email
    )
    service.answer(ListEvents, queries.list_events)
    service.answer(FindEvent, queries.find_event)
    service.answer(ListRegistrations, queries.list_registrations)
    service.answer(FindNotice, queries.find_notice)
    person_queries = PersonQueries(
        database=database,
        clock=service.clock,
        codes=codes,
        proof_by_email=settings.proof_by_email,
    )
    service.answer(FindNoticeToPerson, person_queries.find_notice_to_person)
    exports = Exports(database=database, clock=service.clock)
    service.answer(ExportPerson, exports.export_person)
    chat_states = ChatStates(database=database, clock=service.clock)
    service.answer(LoadChatState, chat_states.load)
    service.answer(SaveChatState, chat_states.save)
    service.answer(DropChatState, chat_states.drop)
    tokens = AccessTokens(database=database, clock=service.clock)
    signer = Signer(settings.ticket_key.get_secret_value())
    sender = Sender(
        database=database, clock=service.clock, signer=signer, is_test=settings.turnout_test
    )
    service.own(sender)
    intake = Intake(database=database, clock=service.clock, wake=sender.wake)
    service.on(REGISTRY_WEBHOOKS, object, intake.take_in, decode=decode_fact, workers=FACTS_AT_ONCE)
    results = ResultIntake(database=database, clock=service.clock)
    service.on(REGISTRY_DELIVERY, DeliveryReported, results.take_in, workers=RESULTS_AT_ONCE)
    commander = Commander(database=database, broker=service.broker)
    api = APIRouter(
        dependencies=[
            Depends(identified(settings.admin_token, tokens)),
            Depends(started_only(service.health)),
        ],
        responses=problems.RESPONSES,
    )
    api.include_router(event_routes(database=database, commander=commander, clock=service.clock))
    api.include_router(link_routes(database=database, accounts=Accounts(service.broker)))
    api.include_router(
        registration_routes(database=database, commander=commander, clock=service.clock)
    )
    api.include_router(
        check_in_routes(
            database=database, commander=commander, clock=service.clock, tickets=tickets
        )
    )
    api.include_router(
        message_routes(
            database=database,
            commander=commander,
            broker=service.broker,
            clock=service.clock,
        )
    )
    api.include_router(ticket_key_routes(tickets=tickets))
    api.include_router(delivery_routes(database=database))
    api.include_router(audit_routes(database=database))
    api.include_router(command_routes(commander=commander))
    api.include_router(token_routes(database=database, commander=commander, clock=service.clock))
    api.include_router(
        webhook_routes(
            database=database,
            commander=commander,
            clock=service.clock,
            signer=signer,
            is_test=settings.turnout_test,
        )
    )
    app = service.build(api)
    problems.install(app)
    return app
