"""A tiny clip and its encoded programme, made once."""

from pathlib import Path

import pytest
from camera_peers import make_clip

from nvr.camera.encoder import Plan, Programme, encode


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=30)


@pytest.fixture(scope="session")
def programme(clip: Path) -> Programme:
    """30 pictures, a keyframe every 10, 160x96 and 80x48."""
    return encode(clip, Plan(gop=10))
