"""Every error the appliance raises on purpose.

::

    NvrError                      exit code 1
     ├── ConfigError              78  a key in nvr.toml (file, key, value, what is allowed)
     ├── StorageError             74  a recordings or state directory, a database file
     ├── ModelError               72  the detector's model file
     ├── AccountError             77  unknown account, wrong claim code, duplicate name
     └── CameraError              69  one camera; the rest of the appliance goes on
          ├── CameraUnreachable
          ├── CameraRefused            wrong user or password, no such stream
          ├── UnsupportedStream        codec, missing parameter sets
          ├── ProtocolViolation        what the camera sent is no RTSP, RTP, SDP or H.264
          └── StreamStalled            nothing arrives any more

The message of each says what is wrong; `remedy` what a person can do about it; `code` is the key under which
the page finds both in its own language (`locales/*.json`, `fault.<code>`), with `params` filled in.
Exit codes follow sysexits.h.
"""

from __future__ import annotations

from collections.abc import Mapping


class NvrError(Exception):
    """Base of all deliberate errors.

    `message` names the place (camera, file, key); `remedy` is one imperative sentence. Neither may hold a secret.
    """

    exit_code = 1
    code = "error"

    def __init__(
        self, message: str, *, remedy: str = "", params: Mapping[str, str | int | float] | None = None
    ):
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.params: dict[str, str | int | float] = dict(params or {})

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}".rstrip(". ") if self.remedy else self.message


class ConfigError(NvrError):
    """A key of the configuration file is wrong; `file`, `key` (dotted path) and `allowed` say where and what.

    `others`: what else is wrong in the same file.
    """

    exit_code = 78
    code = "config"

    others: tuple[ConfigError, ...] = ()

    def __init__(self, file: str, key: str, problem: str, allowed: str = ""):
        super().__init__(
            f"{file}: {key}: {problem}" if key else f"{file}: {problem}",
            remedy=f"Allowed: {allowed}" if allowed else "",
            params={"file": file, "key": key},
        )
        self.file, self.key, self.problem, self.allowed = file, key, problem, allowed


class StorageError(NvrError):
    """A directory or database cannot be used."""

    exit_code = 74
    code = "storage"


class ModelError(NvrError):
    """The detector's model is missing, truncated or of the wrong shape."""

    exit_code = 72
    code = "model"


class AccountError(NvrError):
    """An account cannot be made, changed or used."""

    exit_code = 77
    code = "account"


class CameraError(NvrError):
    """One stream of one camera is not usable now; raised inside that stream's task only."""

    exit_code = 69
    code = "camera"


class CameraUnreachable(CameraError):
    """No connection: wrong address, camera off, cable out, port closed."""

    code = "camera_unreachable"


class CameraRefused(CameraError):
    """The camera answered with a refusal: wrong user or password, no such stream, too many clients."""

    code = "camera_refused"


class UnsupportedStream(CameraError):
    """A stream that cannot be recorded: codec not supported, or no parameter sets were ever sent."""

    code = "camera_unsupported"


class ProtocolViolation(CameraError):
    """The camera's bytes break the protocol (the message names the message or packet and the field)."""

    code = "camera_protocol"


class StreamStalled(CameraError):
    """The connection stands but no media has arrived for the stall time."""

    code = "camera_stalled"
