"""The loudspeaker of the response `warn`: plays a chime or a recorded message by `aplay` (alsa-utils)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import structlog

from nvr import config
from nvr.alarm import sound
from nvr.alarm.guard_process import end
from nvr.alarm.sound import Sound
from nvr.errors import NvrError

log = structlog.get_logger(__name__)

PLAYER = "aplay"
PROBE_S = 0.1
PROBE_EVERY_S = 300.0
"""So often the output is opened while nothing sounds: one that was unplugged is missed before it is needed."""
SPARE_S = 10.0
"""Playing may take this much longer than the sound lasts: an output takes a moment to open."""
WORDS_BYTES = 2000
_ENVIRONMENT = ("PATH", "HOME", "XDG_RUNTIME_DIR", "ALSA_CONFIG_PATH", "ALSA_CONFIG_DIR")
"""All that aplay inherits: what ALSA finds its configuration and a sound server by."""


class SpeakerError(NvrError):
    """The audio output cannot be used: missing, denied, in use, or it takes no sound."""

    exit_code = 69
    code = "speaker"


class PlayerMissing(SpeakerError):
    """`aplay` is not installed."""

    code = "speaker_player"


class MessageUnusable(SpeakerError):
    """The file of the recorded message cannot be played."""

    exit_code = 78
    code = "speaker_message"


START_S = 1.0
"""For aplay to begin and end, each time."""


class Speaker:
    """Plays the warning when asked. Constructing it starts nothing: run `run` under the supervisor."""

    def __init__(self, settings: config.Speaker):
        self._settings = settings
        self._ready = False
        self._duration_s = 0.0
        self._asked = asyncio.Event()
        self._warning: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether `play` would sound: the output took sound when it was last tried."""
        return self._ready

    @property
    def duration_s(self) -> float:
        """How long a warning takes, with its repetitions and their pauses; 0 until the sound is known."""
        return self._duration_s

    def play(self) -> None:
        """Sound the warning with its repetitions; returns at once. Nothing changes where it sounds already, or where
        the speaker is not ready: a warning that comes late would warn somebody else."""
        if self._ready:
            self._asked.set()

    def stop(self) -> None:
        """Silence; returns at once, aplay is ended in the next turn of the loop."""
        self._asked.clear()
        if self._warning is not None:
            self._warning.cancel()

    async def run(self, healthy: Callable[[], None]) -> None:
        """Play what is asked for, until cancelled, which silences. Raises SpeakerError, also while nothing sounds."""
        warning = await asyncio.to_thread(load, self._settings.message)
        repeat, pause_s = self._settings.repeat, self._settings.pause_seconds
        self._duration_s = repeat * (warning.duration_s + START_S) + (repeat - 1) * pause_s
        try:
            while True:
                await play(self._settings.device, warning.silence(PROBE_S))
                self._ready = True
                healthy()
                if await self._is_asked():
                    await self._warn(warning)
        finally:
            self._ready = False
            self._asked.clear()

    async def _is_asked(self) -> bool:
        """Wait for `play`; False after PROBE_EVERY_S without."""
        try:
            async with asyncio.timeout(PROBE_EVERY_S):
                return await self._asked.wait()
        except TimeoutError:
            return False

    async def _warn(self, warning: Sound) -> None:
        log.info("loudspeaker warns", device=self._settings.device)
        try:
            async with asyncio.TaskGroup() as group:
                self._warning = group.create_task(self._repeat(warning))
        finally:
            self._warning = None
            self._asked.clear()

    async def _repeat(self, warning: Sound) -> None:
        for number in range(self._settings.repeat):
            if number:
                await asyncio.sleep(self._settings.pause_seconds)
            await play(self._settings.device, warning)


def load(message: Path | None) -> Sound:
    """The recorded message, or the chime. Reads the file. Raises MessageUnusable."""
    if message is None:
        return sound.chime()
    try:
        if not message.is_file():
            raise ValueError("there is no such file")
        with message.open("rb") as file:
            data = file.read(sound.MAX_BYTES + 1)
        if len(data) > sound.MAX_BYTES:
            raise ValueError(f"it is longer than {sound.MAX_S:.0f} s")
        return sound.from_wav(data)
    except (OSError, ValueError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise MessageUnusable(
            f"{message}: {why}",
            remedy=f"Record at most {sound.MAX_S:.0f} s as WAV, 16 bits: ffmpeg -i FILE -ac 1 -ar 16000 message.wav",
            params={"file": str(message), "error": why},
        ) from None


async def play(device: str, what: Sound) -> None:
    """Play it once, to its end; when cancelled it ends at once. Raises SpeakerError, PlayerMissing."""
    with _file(what.to_wav()) as wav, _file() as words:
        try:
            process = await asyncio.create_subprocess_exec(
                *(PLAYER, "--quiet", "--file-type", "wav", "--device", device),
                stdin=wav,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=words,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"LC_ALL": "C"},
                start_new_session=True,
            )
        except FileNotFoundError:
            remedy = "Install the package alsa-utils"
            raise PlayerMissing(f"{PLAYER} is not installed", remedy=remedy) from None
        try:
            async with asyncio.timeout(what.duration_s + SPARE_S):
                code = await process.wait()
        except TimeoutError:
            raise _error(device, "it takes no sound") from None
        finally:
            await end(process)
        if code != 0:
            raise _error(device, _last_line(words) or f"{PLAYER} ended with code {code}")


def _error(device: str, why: str) -> SpeakerError:
    return SpeakerError(
        f'audio output "{device}": {why}',
        remedy="Plug it in; `aplay -L` lists the names for [speaker] device; the user must be in the group audio",
        params={"device": device, "error": why},
    )


@contextmanager
def _file(content: bytes = b"") -> Iterator[BinaryIO]:
    """A file in memory, at its beginning: aplay waits neither for the loop nor for a disk."""
    with os.fdopen(os.memfd_create("speaker"), "w+b") as file:
        file.write(content)
        file.seek(0)
        yield file


def _last_line(words: BinaryIO) -> str:
    """Of what aplay said, without its own name and line number: "audio open error: No such file or directory"."""
    words.seek(0)
    line = words.read(WORDS_BYTES).decode("utf-8", "replace").strip().rpartition("\n")[2]
    return line.removeprefix(f"{PLAYER}: ").partition(": ")[2][:200]
