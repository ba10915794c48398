"""[[notify]] of nvr.toml: who is told of incidents besides the page, by what way, and when."""

from __future__ import annotations

import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from nvr.events import Response

MAX_TARGETS = 16
PUSH_SERVICES = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)


def _calling(response: Response) -> Response:
    if response is Response.RECORD:
        raise ValueError('what is only recorded is told to nobody; "call", "warn" or "siren"')
    return response


class _Target(BaseModel):
    """`name` is shown on the page, and names the target in the database: renamed it is another. `after_seconds`: told
    only if nobody has acknowledged the incident by then (0: at once, whoever acknowledges). `responses`: of which
    incidents."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    after_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    responses: Annotated[tuple[Annotated[Response, AfterValidator(_calling)], ...], Field(min_length=1)] = (
        Response.CALL,
        Response.WARN,
        Response.SIREN,
    )
    tls_ca: Path | None = None

    def tls_context(self) -> ssl.SSLContext:
        """Verifies the other side by `tls_ca`, or by the system's authorities. Blocks; raises OSError."""
        return ssl.create_default_context(cafile=self.tls_ca)


def _webhook_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('no address; for example "https://example.org/nvr"')
    if parts.username is not None or parts.fragment:
        raise ValueError("an address without user, password and #; the request is signed with `secret`")
    if parts.scheme == "http" and not is_private(parts.hostname):
        raise ValueError(
            'over plain "http://" only to a private IP address such as 192.168.1.5; otherwise "https://"'
        )
    return url


def is_private(host: str) -> bool:
    """Whether `host` is an IP address that no packet leaves the site for. A name can lead anywhere."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"


def _secret(secret: SecretStr) -> SecretStr:
    if not 16 <= len(secret.get_secret_value()) <= 200:
        raise ValueError("16 to 200 characters are needed; `openssl rand -hex 32` makes a good one")
    return secret


class WebhookTarget(_Target):
    """A signed POST to `url`. `secret`: the receiver checks the signature with it."""

    kind: Literal["webhook"]
    url: Annotated[str, Field(max_length=500), AfterValidator(_webhook_url)]
    secret: Annotated[SecretStr, AfterValidator(_secret)]


def _topic(topic: str) -> str:
    if not re.fullmatch(r"[^+#$/\s\x00][^+#\s\x00]{0,119}", topic):
        raise ValueError(
            'no topic to publish to, such as "nvr/thon-dong": no blanks, + or #, at most 120 characters'
        )
    return topic


class MqttTarget(_Target):
    """A broker. Messages go to `topic`/incident, the retained state to `topic`/state and `topic`/online."""

    kind: Literal["mqtt"]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    topic: Annotated[str, AfterValidator(_topic)]
    tls: bool = False
    username: str = ""
    password: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _password_is_hidden(self) -> MqttTarget:
        if self.password.get_secret_value() and not self.tls and not is_private(self.host):
            raise ValueError(
                "a password would be sent in the clear; set `tls = true`, or use a private IP address"
            )
        if self.tls_ca is not None and not self.tls:
            raise ValueError("`tls_ca` is of use only with `tls = true`")
        return self

    @property
    def used_port(self) -> int:
        return self.port or (8883 if self.tls else 1883)


def _contact(contact: str) -> str:
    if not re.fullmatch(r"mailto:[^@\s]{1,90}@[^@\s]{1,90}|https://\S{1,180}", contact):
        raise ValueError('"mailto:" with an address of e-mail, or an "https://" address')
    return contact


class PushTarget(_Target):
    """Web Push to the phones on which somebody switched it on. `accounts`: only theirs (default: everybody's).
    `contact`: whom a push service writes to when something is wrong with our messages. `services`: the only hosts, and
    those below them, that phones may name."""

    kind: Literal["push"]
    contact: Annotated[str, AfterValidator(_contact)]
    accounts: tuple[str, ...] = ()
    services: tuple[str, ...] = PUSH_SERVICES


def _names_differ(targets: tuple[NotifyTarget, ...]) -> tuple[NotifyTarget, ...]:
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'two [[notify]] are named "{name}"')
    return targets


NotifyTarget = Annotated[WebhookTarget | MqttTarget | PushTarget, Field(discriminator="kind")]
NotifyTargets = Annotated[
    tuple[NotifyTarget, ...], Field(max_length=MAX_TARGETS), AfterValidator(_names_differ)
]


def with_absolute_paths(targets: tuple[NotifyTarget, ...], folder: Path) -> tuple[NotifyTarget, ...]:
    """`targets` with relative paths in them taken from `folder`."""
    return tuple(
        target if target.tls_ca is None else target.model_copy(update={"tls_ca": folder / target.tls_ca})
        for target in targets
    )
