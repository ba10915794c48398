"""What Chromium makes of recorded sound: AAC, and G.711 in MP4, decoded beside the picture and in step with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from record_sound import sound, together
from record_streams import encode, take_units
from test_virtual_mp4 import record

from nvr.media.audio import AudioCodec
from nvr.record.mp4.virtual_mp4 import VirtualMp4
from peers.browser import browser_page
from played import whole

LISTEN = """async () => {
  const video = document.querySelector("video");
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 256;
  context.createMediaElementSource(video).connect(analyser);
  await context.resume();
  await video.play();
  const wave = new Float32Array(analyser.fftSize);
  const beeps = [];
  let silence = 0;
  while (!video.ended && video.currentTime < 7.5) {
    await new Promise((done) => setTimeout(done, 4));
    analyser.getFloatTimeDomainData(wave);
    if (wave.some((value) => Math.abs(value) > 0.1)) {
      if (silence > 20) beeps.push(video.currentTime);
      silence = 0;
    } else silence += 1;
  }
  return { beeps, audio: video.webkitAudioDecodedByteCount, pictures: video.webkitDecodedFrameCount };
}"""


@pytest.mark.parametrize("codec", ["aac", "alaw", "ulaw"])
async def test_sound_is_decoded_and_in_step_behind_a_hole(tmp_path: Path, codec: AudioCodec) -> None:
    audio = [unit for unit in sound(codec, 9.0) if not 300_000 < unit.pts_90k < 345_000]
    mp4 = VirtualMp4(record(tmp_path, together(take_units(encode(), 9), audio)))
    (tmp_path / "part.mp4").write_bytes(whole(mp4))
    (tmp_path / "page.html").write_text('<video src="part.mp4"></video><button>play</button>', "utf-8")
    app = web.Application()
    app.router.add_static("/", tmp_path)
    async with TestServer(app) as server, browser_page() as page:
        await page.goto(str(server.make_url("/page.html")))
        await page.click("button")  # pages may only sound after a touch
        heard = await page.evaluate(LISTEN)
    assert heard["audio"] > 0 and heard["pictures"] > 100
    late = [
        at for at in heard["beeps"] if at > 3.9
    ]  # without silence in the hole they would be half a second early
    assert [round(at) for at in late] == [4, 5, 6, 7]
    assert all(abs(at - round(at)) < 0.2 for at in late)  # 0.04 and what a busy machine adds
