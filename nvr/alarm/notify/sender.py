"""What a way of telling people is to the rest, and how it fails."""

from __future__ import annotations

from typing import Protocol

from nvr.alarm.notify.message import Message
from nvr.errors import NvrError


class NotifyError(NvrError):
    """A target's connection that stands open (MQTT) cannot be made or was lost."""

    exit_code = 69
    code = "notify"


class SendFailed(Exception):
    """A message did not arrive, or nobody knows whether it did.

    `problem`: a word that the page translates (`notify.problem.<word>`), with what varies behind a colon
    ("answered:503"); never an address or a secret. `is_gone`: the recipient is no more, trying again is of no use.
    """

    def __init__(self, problem: str, *, is_gone: bool = False):
        super().__init__(problem)
        self.problem, self.is_gone = problem, is_gone


class Sender(Protocol):
    """One target of nvr.toml."""

    async def members(self, camera: str | None) -> list[str]:
        """The recipients behind this target that may know of the camera (None: all, for a test); [""] where the target
        is the recipient. Raises StorageError."""
        ...

    async def send(self, member: str, message: Message) -> None:
        """Returns when the other side said that it has the message. Raises SendFailed."""
        ...
