"""Making, listing and revoking API tokens."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from contracts import CreateToken, RevokeToken, Scope, derived_id
from contracts.access import TOKEN_NAME_CHARACTERS_MAX
from registry.access_results import TokenView, TokenWritten
from registry.access_tokens import digest, is_kept, list_tokens, make_secret, write_token
from registry.api.access import Caller, missing, needs
from registry.api.access_answers import NOT_FOUND, PENDING, settled
from registry.api.answers import CommandStatus, accepted, status_of
from registry.api.commanding import Call, Commander, read_call
from registry.api.problems import Problem, ProblemDetails, invalid
from registry.database import Database
from runtime.clock import Clock

_TOKEN_EXAMPLE = "tt_5f0c7a3e2f315c559d0e0b1f3a3c7a11_3q2-7wEjRWeJq83v_____EXAMPLE-ONLY__________"  # noqa: S105 - it opens nothing


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Door scanner", "scopes": ["check-in"]}]},
    )

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=TOKEN_NAME_CHARACTERS_MAX
        ),
    ]
    """What it is for, in words; it stands in no log."""
    scopes: list[Scope] = Field(min_length=1)
    expires_at: AwareDatetime | None = Field(default=None, examples=["2026-12-31T23:00:00Z"])
    """Left out: it works until it is revoked."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("It contains a control character; remove it.")
        return name


class IssuedToken(TokenView):
    """A new token with its secret."""

    token: str = Field(examples=[_TOKEN_EXAMPLE])
    """Shown now and never again: keep it where secrets are kept."""


class PendingToken(CommandStatus):
    """A new token that does not work yet."""

    token: str = Field(examples=[_TOKEN_EXAMPLE])
    """Shown now and never again. It works once the command is done."""


class TokenList(BaseModel):
    """Every token that is not revoked."""

    tokens: list[TokenView]


def token_routes(*, database: Database, commander: Commander, clock: Clock) -> APIRouter:
    """The endpoints under /api/tokens."""
    router = APIRouter(prefix="/api/tokens", tags=["tokens"])
    tokens = _Tokens(database=database, commander=commander, clock=clock)
    created: dict[int | str, dict[str, Any]] = {
        202: {"model": PendingToken, "description": "Not carried out yet; ask at Location"},
        409: {"model": ProblemDetails, "description": "Made before, or there are too many"},
    }
    router.post("", status_code=201, response_model=IssuedToken, responses=created)(
        tokens.create_token
    )
    router.get("")(tokens.list_tokens)
    router.delete("/{token_id}", status_code=204, responses=PENDING | NOT_FOUND)(
        tokens.revoke_token
    )
    return router


class _Tokens:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(self, *, database: Database, commander: Commander, clock: Clock) -> None:
        self._database = database
        self._commander = commander
        self._clock = clock

    async def create_token(
        self,
        body: NewToken,
        caller: Annotated[Caller, Depends(needs("admin"))],
        call: Annotated[Call, Depends(read_call)],
        response: Response,
    ) -> IssuedToken | Response:
        """Make a token for a program. The answer is the only place that ever shows it.

        A token gives only scopes that whoever asks has too. The same `Idempotency-Key` makes one
        token, and cannot show it a second time.
        """
        if beyond := [scope for scope in body.scopes if scope not in caller.scopes]:
            raise missing(beyond[0])
        token_id, secret = derived_id(call.command_id, "token"), make_secret()

        async def command() -> CreateToken:
            if body.expires_at is not None and body.expires_at <= self._clock.now():
                raise invalid("expires_at", "It must lie in the future.")
            return CreateToken(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                token_id=token_id,
                by=caller.by,
                name=body.name,
                scopes=tuple(dict.fromkeys(body.scopes)),
                secret_sha256=digest(secret),
                expires_at=body.expires_at,
            )

        found = await self._commander.once(call, command)
        token = write_token(token_id, secret)
        if found is None:
            pending = accepted(call.command_id)
            told = PendingToken(**status_of(call.command_id, None).model_dump(), token=token)
            return JSONResponse(
                told.model_dump(mode="json", exclude_none=True),
                status_code=202,
                headers={name: pending.headers[name] for name in ("Location", "Retry-After")},
            )
        view = settled(found, call, TokenWritten).token
        # Also of two requests with one key at the same moment, one has made it.
        if not await self._database.run(partial(is_kept, token_id=token_id, secret=secret)):
            raise Problem(
                409,
                "token-already-shown",
                "This token was made before and cannot be shown again",
                f"An earlier request with this Idempotency-Key made the token {token_id}, and only "
                "its answer had the secret. If it was lost, DELETE that token and make another "
                "one with a new key.",
            )
        response.headers["Location"] = f"/api/tokens/{token_id}"
        return IssuedToken(**view.model_dump(), token=token)

    async def list_tokens(self, caller: Annotated[Caller, Depends(needs("admin"))]) -> TokenList:
        """Every token that is not revoked, the newest first; without its secret."""
        return TokenList(tokens=await self._database.run(list_tokens))

    async def revoke_token(
        self,
        token_id: UUID,
        caller: Annotated[Caller, Depends(needs("admin"))],
        call: Annotated[Call, Depends(read_call)],
    ) -> Response:
        """Revoke a token: it is refused from the next request on. Revoking twice is no error."""

        async def command() -> RevokeToken:
            return RevokeToken(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                token_id=token_id,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        if found is None:
            return accepted(call.command_id)
        settled(found, call, TokenWritten)
        return Response(status_code=204)
