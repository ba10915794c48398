"""The section [speaker] of nvr.toml: what `warn` plays, and on which audio output."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from nvr.config.model import Model

_CARD = r"(CARD=)?[A-Za-z0-9_]{1,32}(,(DEV=)?[0-9]{1,2})?"
_OUTPUT = re.compile(rf"(default|sysdefault|hw|plughw|dmix|front|hdmi|iec958):{_CARD}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


def _audio_output(device: str) -> str:
    """A name of asound.conf, or an output of a card. Nothing else that ALSA takes: of a device `file:'|command',raw` it
    runs the command."""
    if not (_NAME.fullmatch(device) or _OUTPUT.fullmatch(device)):
        raise ValueError('no name of an audio output; for example "default", or "plughw:CARD=Device,DEV=0"')
    return device


class Speaker(Model):
    """The audio output that warns.

    `device`: its ALSA name (`aplay -L`). `message`: a WAV file with what is said; without it a chime sounds. It is
    played `repeat` times, with `pause_seconds` between.
    """

    device: Annotated[str, AfterValidator(_audio_output)] = "default"
    message: Path | None = None
    repeat: Annotated[int, Field(ge=1, le=10)] = 3
    pause_seconds: Annotated[float, Field(ge=0, le=30)] = 1.0

    def within(self, folder: Path) -> Speaker:
        """With the path made absolute, that was relative to `folder`."""
        return self.model_copy(update={"message": self.message and folder / self.message})
