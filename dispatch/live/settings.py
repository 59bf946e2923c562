"""Configuration: defaults, then a file, then the environment, then flags; the later one wins.

The file is TOML; the environment uses ``HEARTREACH_`` and ``__`` between table and key
(``HEARTREACH_FCM__ENDPOINT``). Unknown keys are faults.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from dispatch.live.errors import SettingsError
from dispatch.live.triggers import DEFAULT_EXCLUDED


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FcmSettings(_Table):
    """Firebase Cloud Messaging. ``endpoint`` points to another server that speaks FCM HTTP v1."""

    credentials_file: Path | None = None
    project_id: str | None = None
    endpoint: str | None = None
    timeout_s: float = Field(default=4.0, gt=0, le=30)


class WebPushSettings(_Table):
    """Web Push. ``private_key``: ``python -m notifications.webpush --new-key``.

    ``app_url``: page that a tap opens, None: ``/open`` under the service's ``public_url``.
    """

    private_key: str
    contact: str
    app_url: str | None = None
    allowed_hosts: tuple[str, ...] | None = None
    local_endpoint: str | None = None
    timeout_s: float = Field(default=4.0, gt=0, le=30)


class SmsSettings(_Table):
    """A gateway that takes JSON. ``reports`` False: a hand-over must count as a receipt.

    ``app_url``: page that the link in a text opens, None: ``/open`` under ``public_url``.
    """

    url: str
    key: str | None = None
    sender: str | None = None
    app_url: str | None = None
    report_url: str | None = None
    report_key: str | None = None
    reports: bool = True
    fields: dict[str, str] | None = None
    id_field: str = "id"
    reference_field: str = "reference"
    state_field: str = "status"
    receipt_wait_s: float = Field(default=20.0, gt=0, le=120)
    timeout_s: float = Field(default=5.0, gt=0, le=30)


class AfterCareSettings(_Table):
    """When people are asked how they are (Kragh 2021: 90 min), and whom they can ring at once."""

    delay_s: float = Field(default=5400.0, ge=0)
    quiet_from_hour: int = Field(default=21, ge=0, le=23)
    quiet_to_hour: int = Field(default=9, ge=0, le=23)
    telephone: str = ""


class CheckSettings(_Table):
    """The weekly check of each phone, between these local hours; ``every_s`` 0: none."""

    every_s: float = Field(default=7 * 86400.0, ge=0)
    from_hour: int = Field(default=10, ge=0, le=23)
    to_hour: int = Field(default=20, ge=1, le=24)


class CanarySettings(_Table):
    """The message to control's own phone; ``responder_id`` None: none is sent."""

    responder_id: int | None = None
    every_s: float = Field(default=300.0, ge=10)
    wait_s: float = Field(default=60.0, gt=0)
    misses: int = Field(default=2, ge=1)


class RetentionSettings(_Table):
    """How long rows are kept, s. Positions of people who were not alerted go within a day."""

    position_s: float = Field(default=86400.0, gt=0)
    alert_detail_s: float = Field(default=30 * 86400.0, gt=0)
    incident_s: float = Field(default=8 * 365.25 * 86400.0, gt=0)
    stream_s: float = Field(default=30 * 86400.0, gt=0)
    idempotency_s: float = Field(default=2 * 86400.0, gt=0)


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="HEARTREACH_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8080"
    database: str = "sqlite:///heartreach.sqlite"
    region: Path | None = None
    policy: str | None = None
    timezone: str = "UTC"
    test: bool = False
    triggers: Path | None = None
    excluded_flags: tuple[str, ...] = tuple(sorted(DEFAULT_EXCLUDED))
    require_code: bool = False
    channels: tuple[Literal["fcm", "webpush", "sms_http", "memory"], ...] = (
        "fcm",
        "webpush",
        "sms_http",
        "memory",
    )
    memory_channel: bool = False
    receipt_wait_s: float = Field(default=8.0, gt=0, le=120)
    send_threads: int = Field(default=12, ge=1, le=64)
    fcm: FcmSettings | None = None
    webpush: WebPushSettings | None = None
    sms_http: SmsSettings | None = None
    after_care: AfterCareSettings = AfterCareSettings()
    checks: CheckSettings = CheckSettings()
    canary: CanarySettings = CanarySettings()
    retention: RetentionSettings = RetentionSettings()
    rate_per_s: float = Field(default=20.0, gt=0)
    rate_burst: int = Field(default=200, gt=0)
    trust_mapped_aeds: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def test_mode(self) -> bool:
        """Whether nobody can be alerted: asked for, or no region or no policy."""
        return self.test or self.region is None or self.policy is None

    @property
    def open_url(self) -> str:
        """The page that links in messages lead to unless the channel names another."""
        return f"{self.public_url.rstrip('/')}/open"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's face
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before the environment before the file."""
        return (init_settings, env_settings, InitSettingsSource(settings_cls, _from_file))


_from_file: dict[str, Any] = {}


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Read the configuration; flags that are None count as not given.

    Raises:
        SettingsError: one line for each fault: where, which field, what was expected.
    """
    name = str(file) if file is not None else "settings"
    _from_file.clear()
    if file is not None:
        try:
            _from_file.update(tomllib.loads(file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{file}: expected a readable TOML file ({error})") from error
    try:
        return Settings(**{key: value for key, value in flags.items() if value is not None})
    except ValidationError as error:
        lines = [
            f"{name}: {'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("\n".join(lines)) from None
    finally:
        _from_file.clear()
