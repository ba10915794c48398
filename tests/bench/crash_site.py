"""Appliances that share a few simulated cameras, for the crash tests."""

from __future__ import annotations

from pathlib import Path

from peers.appliance import Appliance

CAMERA_OPTIONS = "--main 640x360 --sub 320x180 --bitrate 600 --sub-bitrate 200".split()


def make_site(folder: Path, streams: list[str], recordings: str = "recordings") -> Appliance:
    """An appliance with two streams a camera, all of them analysed."""
    folder.mkdir()
    site = Appliance(folder)
    site.streams = streams
    text = (
        f'[site]\nname = "Thôn Thử"\n[storage]\nrecordings = "{recordings}"\nstate = "state"\nkeep_free_gb = 0.1\n'
        f'[web]\nhost = "127.0.0.1"\nhttps_port = {site.https_port}\nhttp_port = {site.http_port}\nlive_port = 0\n'
    )
    for main in (url for url in streams if url.endswith("/main")):
        name = main.split("/")[-2]
        text += f'[[camera]]\nid = "{name}"\nname = "Cổng {name}"\nmain = "{main}"\n'
        text += f'sub = "{main.removesuffix("main")}sub"\n'
    (folder / "nvr.toml").write_text(text, "utf-8")
    return site


def stream_names(streams: list[str]) -> set[str]:
    """ "cam1/main" and so on, as in rows."""
    return {"/".join(url.split("/")[-2:]) for url in streams}
