"""The loudspeaker: Debian's aplay on ALSA's own "file" device, whose samples are read back."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alarm.test_warning_sound import wav
from bench.processes import children
from nvr.alarm import sound, speaker
from nvr.alarm.speaker import MessageUnusable, Speaker, load
from nvr.clock import SystemClock
from nvr.config import Speaker as Settings
from nvr.faults import FaultBoard
from nvr.supervise import Backoff, Supervisor

PATIENCE_S = 60.0
TINY = bytes(range(1, 251)) * 8
"""Samples of a message, none of which is silent."""


class Alsa:
    """A machine with two audio outputs: `default` appends what it plays to a file, `stuck` takes what a pipe holds."""

    def __init__(self, folder: Path):
        self._config, self.played_file = folder / "asound.conf", folder / "played"
        self.pipe = folder / "pipe"
        os.mkfifo(self.pipe)
        self.plug_in()

    def plug_in(self) -> None:
        # "file" begins its file anew each time it is opened; `cat` keeps what was there.
        self._config.write_text(
            f"pcm.!default {{ type file slave.pcm {{ type null }} file '|cat >> {self.played_file}' format raw }}\n"
            f"pcm.stuck {{ type file slave.pcm {{ type null }} file '{self.pipe}' format raw }}\n"
        )

    def unplug(self) -> None:
        self._config.write_text("")

    @property
    def played(self) -> bytes:
        """All since the start, without silence: what is tried is silent, and aplay fills its last period up with it."""
        return self.played_file.read_bytes().replace(b"\0", b"") if self.played_file.exists() else b""


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alsa:
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    return Alsa(tmp_path)


@pytest.fixture
def message(tmp_path: Path) -> Path:
    file = tmp_path / "message.wav"
    file.write_bytes(wav(TINY))
    return file


class Running:
    """A speaker under the supervisor."""

    def __init__(self, **settings: object):
        self.faults = FaultBoard(SystemClock())
        self.speaker = Speaker(Settings.model_validate(settings))

    @property
    def codes(self) -> set[str]:
        return {fault.code for fault, _ in self.faults.current}

    @property
    def detail(self) -> str:
        fault = self.faults.at("speaker")
        assert fault is not None
        return fault.detail


@asynccontextmanager
async def running(**settings: object) -> AsyncIterator[Running]:
    site = Running(**settings)
    supervisor = Supervisor(SystemClock(), site.faults)
    async with asyncio.TaskGroup() as group:
        quick = Backoff(first_s=0.02, max_s=0.05)
        job = group.create_task(supervisor.keep_running("speaker", site.speaker.run, quick))
        yield site
        job.cancel()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def players() -> list[int]:
    """The aplay processes of this one."""
    return [pid for pid, name in children(os.getpid()).items() if name == "aplay"]


async def test_a_recorded_message_is_played_as_often_as_wanted(alsa: Alsa, message: Path) -> None:
    async with running(message=message, repeat=3, pause_seconds=0) as site:
        await until(lambda: site.speaker.ready)
        assert alsa.played_file.stat().st_size > 0, "it was tried"
        assert alsa.played == b""
        site.speaker.play()
        await until(lambda: len(alsa.played) >= 3 * len(TINY))
        await asyncio.sleep(0.2)
        assert alsa.played == 3 * TINY
        assert site.speaker.ready
        site.speaker.play()  # and again
        await until(lambda: len(alsa.played) >= 6 * len(TINY))
    assert alsa.played == 6 * TINY
    assert not site.faults.current


async def test_without_a_message_a_chime_sounds(alsa: Alsa) -> None:
    chime = sound.chime()
    async with running(repeat=1) as site:
        await until(lambda: site.speaker.ready)
        site.speaker.play()
        await until(lambda: chime.samples in alsa.played_file.read_bytes())


async def test_asking_again_while_it_sounds_changes_nothing(alsa: Alsa, message: Path) -> None:
    async with running(message=message, repeat=2, pause_seconds=0.3) as site:
        await until(lambda: site.speaker.ready)
        site.speaker.play()
        await until(lambda: alsa.played.endswith(TINY))
        site.speaker.play()
        await until(lambda: len(alsa.played) >= 2 * len(TINY))
        await asyncio.sleep(0.2)
    assert alsa.played == 2 * TINY


async def test_stop_between_two_repetitions(alsa: Alsa, message: Path) -> None:
    async with running(message=message, repeat=2, pause_seconds=30) as site:
        await until(lambda: site.speaker.ready)
        site.speaker.play()
        await until(lambda: alsa.played.endswith(TINY))
        site.speaker.stop()
        site.speaker.stop()  # of nothing
        await asyncio.sleep(0.1)
        site.speaker.play()
        await until(lambda: len(alsa.played) >= 2 * len(TINY))
        assert site.speaker.ready
    assert alsa.played == 2 * TINY


@pytest.mark.parametrize("by", ["stop", "end"])
async def test_what_hangs_amid_a_sound_is_killed(alsa: Alsa, tmp_path: Path, by: str) -> None:
    """The pipe takes the silence and the beginning of the message, then nothing any more."""
    file = tmp_path / "long.wav"
    file.write_bytes(wav(bytes(2 * 8000 * 50)))
    reader = os.open(alsa.pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        async with running(device="stuck", message=file, repeat=1) as site:
            await until(lambda: site.speaker.ready)
            await until(lambda: not players())
            site.speaker.play()
            await until(players)
            (player,) = players()
            environment = Path(f"/proc/{player}/environ").read_bytes().split(b"\0")
            assert not any(entry.startswith(b"PYTEST") for entry in environment), "no more than ALSA needs"
            if by == "stop":
                site.speaker.stop()
                await until(lambda: player not in players())
        assert not players()
    finally:
        os.close(reader)


async def test_an_output_that_takes_no_sound_is_a_fault(alsa: Alsa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker, "SPARE_S", 0.1)  # nobody reads the pipe, so opening it never ends
    async with running(device="stuck") as site:
        await until(lambda: site.codes == {"speaker"})
        assert 'audio output "stuck": it takes no sound' in site.detail
        assert not site.speaker.ready


async def test_an_output_that_is_missing_is_used_when_it_is_there(alsa: Alsa, message: Path) -> None:
    alsa.unplug()
    async with running(message=message, repeat=1) as site:
        await until(lambda: site.codes == {"speaker"})
        assert 'audio output "default": audio open error: No such file or directory' in site.detail
        assert "`aplay -L`" in site.detail
        assert not site.speaker.ready
        site.speaker.play()  # nobody hears it, and nobody shall when it is plugged in
        alsa.plug_in()
        await until(lambda: site.speaker.ready and not site.faults.current)
        await asyncio.sleep(0.2)
    assert alsa.played == b""


async def test_an_output_that_is_pulled_out_is_missed_before_it_is_needed(
    alsa: Alsa, message: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "PROBE_EVERY_S", 0.05)
    async with running(message=message) as site:
        await until(lambda: site.speaker.ready)
        alsa.unplug()
        await until(lambda: site.codes == {"speaker"} and not site.speaker.ready)
        alsa.plug_in()
        await until(lambda: site.speaker.ready and not site.faults.current)


async def test_without_aplay(alsa: Alsa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with running() as site:
        await until(lambda: site.codes == {"speaker_player"})
        assert site.detail == "aplay is not installed. Install the package alsa-utils"


async def test_a_message_that_cannot_be_played_is_a_fault_until_it_can(alsa: Alsa, tmp_path: Path) -> None:
    file = tmp_path / "message.wav"
    file.write_bytes(b"not sound")
    async with running(message=file) as site:
        await until(lambda: site.codes == {"speaker_message"})
        assert str(file) in site.detail
        assert "ffmpeg" in site.detail
        assert not site.speaker.ready
        file.write_bytes(wav(TINY))
        await until(lambda: site.speaker.ready and not site.faults.current)


def test_files_that_are_no_message(tmp_path: Path, alsa: Alsa) -> None:
    huge = tmp_path / "huge.wav"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    for path, why in (
        (tmp_path / "none.wav", "there is no such file"),
        (tmp_path, "there is no such file"),
        (alsa.pipe, "there is no such file"),
        (huge, "longer than 60 s"),
    ):
        with pytest.raises(MessageUnusable, match=why):
            load(path)
