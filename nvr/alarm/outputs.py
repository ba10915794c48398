"""What the alarm moves: the siren and the loudspeaker. Nothing here waits."""

from __future__ import annotations

from typing import Protocol

from nvr.alarm.machine import Alarm
from nvr.alarm.policy import Means
from nvr.alarm.siren import SirenLine, SirenUnavailable
from nvr.alarm.states import State
from nvr.events import Response


class Loudspeaker(Protocol):
    """Gives the chime or the recorded message. Neither method waits."""

    @property
    def ready(self) -> bool:
        """Whether it would be heard."""
        ...

    @property
    def duration_s(self) -> float:
        """How long a warning takes, with its repetitions."""
        ...

    def play(self) -> None:
        """Begin, from the start."""
        ...

    def stop(self) -> None:
        """Be silent."""
        ...


class Outputs:
    """`siren`, `speaker`: None where the site has none. `instead`: for where the siren cannot sound."""

    def __init__(self, siren: SirenLine | None, speaker: Loudspeaker | None, instead: Response):
        self.siren, self.speaker, self._instead = siren, speaker, instead

    @property
    def means(self) -> Means:
        """What can act now."""
        siren_ready = self.siren is not None and self.siren.ready
        return Means(siren_ready, self.speaker is not None and self.speaker.ready, self._instead)

    @property
    def warning_s(self) -> float:
        """How long a warning takes; 0: there is no loudspeaker."""
        return self.speaker.duration_s if self.speaker is not None else 0.0

    def follow(self, before: Alarm, after: Alarm) -> None:
        """Be as `after` says. In a quiet test nothing is heard but what a person started."""
        if self.siren is not None:
            self.siren.want(after.siren)
        if self.speaker is not None and after.state is not before.state:
            if after.state is State.WARNING and not after.quiet:
                self.speaker.play()
            elif before.state is State.WARNING:
                self.speaker.stop()

    def hush(self) -> None:
        """Silence both, whatever the state."""
        if self.siren is not None:
            self.siren.want(False)
        if self.speaker is not None:
            self.speaker.stop()

    def require_siren(self) -> None:
        """Raises SirenUnavailable: there is none, or it would not sound."""
        if self.siren is None:
            raise SirenUnavailable("this appliance has no siren", remedy="Add a [siren] section to nvr.toml")
        if self.siren.silenced:
            raise SirenUnavailable(
                "the silence switch at the siren is on", remedy="Switch it off, then try again"
            )
        if not self.siren.ready:
            raise SirenUnavailable(
                "the siren's relay board does not answer", remedy="Check its cable and power, then try again"
            )
