"""Settings: one frozen object per service, read from the environment once."""

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class Misconfigured(Exception):
    """A setting is missing or senseless; the message is a sentence that says what to do."""

    @classmethod
    def because_of(cls, error: ValidationError) -> "Misconfigured":
        """What a person has to set, from what the validation found; without any value."""
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        return cls(
            "; ".join(
                ": ".join(
                    [
                        *(str(part).upper() for part in problem["loc"]),
                        problem["msg"].removeprefix("Value error, "),
                    ]
                )
                for problem in problems
            )
        )


def read_secret(name: str, path: Path) -> str | None:
    """What a file holds, without the line's end; None when that is nothing.

    Args:
        name: the setting that names the file, for the sentence.
        path: the file.

    Raises:
        Misconfigured: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise Misconfigured(f"{name} names {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{name} names {path}, which is not a text in UTF-8") from None


class _FileSource(PydanticBaseSettingsSource):
    """`NAME_FILE=/run/secrets/x` gives the value of `NAME`: how orchestrators hand out secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        value = read_secret(f"{field_name.upper()}_FILE", Path(path)) if path else None
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


class ServiceSettings(BaseSettings):
    """What every service needs; the environment variable of a field is its name in capitals.

    Raises:
        pydantic.ValidationError: a value is missing or senseless.
        Misconfigured: a `…_FILE` cannot be read.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        # What a validation error would quote are the secrets themselves.
        hide_input_in_errors=True,
    )

    nats_url: str = "nats://127.0.0.1:8100"
    nats_creds_file: Path | None = None
    http_host: str = "127.0.0.1"
    http_port: int = 0
    """0: any free port."""
    turnout_replica: int = 1
    turnout_test: bool = False
    """Obey the simulator's clock and the planted faults; never in production."""
    turnout_clock_file: Path | None = None
    turnout_crash_at: str | None = None
    turnout_break: str | None = None
    turnout_slow_ms: int = 0
    public_url: str | None = None
    sentry_dsn: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    log_format: Literal["auto", "json", "console"] = "auto"
    """auto: readable on a terminal, JSON lines elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: float = 0.0
    """Between failing readiness and closing the door, so that load balancers notice."""
    stop_seconds_max: float = 15.0
    """How long work in flight may take to finish after SIGTERM."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then secrets in files, then the environment."""
        return init_settings, _FileSource(settings_cls), env_settings

    @model_validator(mode="after")
    def _no_test_mode_in_public(self) -> "ServiceSettings":
        if self.turnout_test and (self.public_url or "").startswith("https"):
            raise ValueError(
                "TURNOUT_TEST=1 lets anybody turn the clock and plant faults; "
                "unset it, or unset PUBLIC_URL if this is no public installation"
            )
        return self

    @classmethod
    def files(cls) -> dict[str, Path]:
        """The file of each setting that `…_FILE` gives."""
        return {
            name: Path(path)
            for name in cls.model_fields
            if (path := os.environ.get(f"{name.upper()}_FILE"))
        }

    def read_again(self) -> Self:
        """These settings with what their files hold now.

        Raises:
            pydantic.ValidationError: a value is missing or senseless.
            Misconfigured: a file cannot be read.
        """
        now = {
            name: read_secret(f"{name.upper()}_FILE", path) for name, path in self.files().items()
        }
        return type(self)(**(self.model_dump() | now))


PER_SECOND_MAX = 1000
"""No platform takes more from one account (platforms.md A5, B5)."""


class AccountSettings(ServiceSettings):
    """Our bots and numbers: one of each by variables, any number in a file (`runtime.accounts`).

    What a service cannot do without, it demands itself.
    """

    turnout_accounts: Path | None = None
    """A TOML file with a table for each bot and number (docs/accounts.md)."""
    telegram_api_url: str = "https://api.telegram.org"
    telegram_token: SecretStr | None = None
    telegram_secret: SecretStr | None = None
    telegram_secret_previous: SecretStr | None = None
    """Still valid while Telegram is being told the new one."""
    telegram_per_second: int | None = Field(default=None, ge=1, le=PER_SECOND_MAX)
    """Calls per second of each bot that says nothing else; 25 unless it is given."""
    telegram_paid_broadcast: bool = False
    """The bot of the variables may send 1000 a second, for a fee (`allow_paid_broadcast`)."""
    whatsapp_api_url: str = "https://graph.facebook.com"
    """The root; the API's version is added."""
    whatsapp_token: SecretStr | None = None
    whatsapp_token_expires_at: AwareDatetime | None = None
    """As Meta's dashboard says; the admin hears of it a week before."""
    whatsapp_phone_id: str | None = None
    whatsapp_waba_id: str | None = None
    whatsapp_app_id: str | None = None
    """The Meta app that the number's webhooks come from."""
    whatsapp_app_secret: SecretStr | None = None
    whatsapp_app_secret_previous: SecretStr | None = None
    """Still valid while Meta may sign with it."""
    whatsapp_verify_token: SecretStr | None = None
    whatsapp_per_second: int | None = Field(default=None, ge=1, le=PER_SECOND_MAX)
    """Calls per second of each number that says nothing else, what people write included; by its
    throughput unless it is given."""
    whatsapp_throughput: Literal[20, 80, 1000] = 80
    """What Meta takes from the number of the variables, per second, in and out."""
    whatsapp_recipients_per_day: int = Field(default=0, ge=0)
    """How many people its portfolio may write to first in 24 h; 0: as many as it likes."""
    whatsapp_portfolio: str | None = Field(default=None, pattern="^[0-9]{1,32}$")
    """Meta's business portfolio of the number, where several share that limit."""
    email_per_second: int | None = Field(default=None, ge=1, le=PER_SECOND_MAX)
    """What the mail server takes from us; 10 unless it is given."""
