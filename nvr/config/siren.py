"""The section [siren] of nvr.toml: the relay board, how it is reached, and what is wired to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hw import identity

InputNumber = Annotated[int, Field(ge=1, le=32)]
InputName = Literal["silence", "panic", "tamper", "door"]
LCUS_CHANNELS = 8


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SirenInputs(_Model):
    """Contacts wired to inputs of the board, by the input's number. `normally_closed`: those closed at rest, which
    also notice a cut wire."""

    silence: InputNumber | None = None
    panic: InputNumber | None = None
    tamper: InputNumber | None = None
    door: InputNumber | None = None
    normally_closed: tuple[InputName, ...] = ()

    @property
    def wiring(self) -> dict[str, int]:
        """Name to number, of those there are."""
        numbers = {name: getattr(self, name) for name in ("silence", "panic", "tamper", "door")}
        return {name: number for name, number in numbers.items() if number is not None}

    @model_validator(mode="after")
    def _make_sense(self) -> SirenInputs:
        wiring = self.wiring
        if len(set(wiring.values())) != len(wiring):
            raise ValueError("two inputs have the same number")
        for name in self.normally_closed:
            if name not in wiring:
                raise ValueError(f'"{name}" is normally closed, but has no number')
        return self


class Siren(_Model):
    """The relay that switches the siren.

    `port`: a serial device, best of /dev/serial/by-id, or the identity of its USB adapter (`usb:1a86:7523`).
    `timed`: a Modbus board's output ends by itself (timed flash-on). `timer_relay`: a timer relay in series with the
    siren does that in place of a board that latches. `watchdog`: the hardware watchdog that the guard feeds.
    """

    board: Literal["lcus", "modbus"] = "lcus"
    port: Annotated[str, BeforeValidator(lambda port: str(port) if isinstance(port, Path) else port)]
    channel: Annotated[int, Field(ge=1, le=32)] = 1
    address: Annotated[int, Field(ge=1, le=247)] = 1
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 9600
    timed: bool | None = None
    timer_relay: bool = False
    watchdog: Path | None = None
    inputs: SirenInputs = SirenInputs()
    max_seconds: Annotated[float, Field(ge=1, le=900)] = 180.0
    cooldown_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0

    @field_validator("port")
    @classmethod
    def _is_named(cls, port: str) -> str:
        if not port:
            raise ValueError("must be a serial device or the identity of a USB adapter")
        if identity.is_identity(port):
            identity.parse(port)
        return port

    @model_validator(mode="after")
    def _fits_the_board(self) -> Siren:
        if self.board == "modbus":
            return self
        if self.channel > LCUS_CHANNELS:
            raise ValueError(f"channel {self.channel}: an LCUS board has {LCUS_CHANNELS} at most")
        if self.timed:
            raise ValueError(
                "timed: an LCUS board latches; `timer_relay` says that a timer relay is in series"
            )
        for key in ("address", "baud", "inputs"):
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f'{key}: only for board = "modbus"')
        return self

    @property
    def ends_by_itself(self) -> bool:
        """Whether the board switches the siren off when nobody renews it. Modbus boards are taken to do it unless
        `timed` denies it: one that cannot refuses the command, and is reported."""
        return self.board == "modbus" and self.timed is not False

    @property
    def is_fail_safe(self) -> bool:
        """Whether the siren ends even if nothing is left that could switch it off."""
        return self.ends_by_itself or self.timer_relay

    def within(self, folder: Path) -> Siren:
        """With paths made absolute, that were relative to `folder`."""
        port = self.port if identity.is_identity(self.port) else os.fspath(folder / self.port)
        return self.model_copy(update={"port": port, "watchdog": self.watchdog and folder / self.watchdog})
