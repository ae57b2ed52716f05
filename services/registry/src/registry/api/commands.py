"""What became of a change that took longer than a request may wait."""

from uuid import UUID

from fastapi import APIRouter, Depends

from registry.api.access import needs
from registry.api.answers import CommandStatus, status_of
from registry.api.commanding import Commander


def command_routes(*, commander: Commander) -> APIRouter:
    """The endpoint that a 202 points at."""
    router = APIRouter(prefix="/api/commands", tags=["commands"])

    @router.get(
        "/{command_id}",
        response_model_exclude_none=True,
        dependencies=[Depends(needs("read", "write", "check-in", "admin"))],
    )
    async def read_command(command_id: UUID) -> CommandStatus:
        """The status of a change that was answered with 202."""
        return status_of(command_id, await commander.outcome(command_id))

    return router
