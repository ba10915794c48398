from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from footage import EMPTY, PERSON, bikes_mp4
from nvr.detect.model.objects import ObjectDetector
from nvr.detect.steps import rules


@pytest.fixture(scope="module")
def news_only() -> Iterator[None]:
    """That somebody is still there is not told."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rules, "STILL_THERE_S", math.inf)
        yield


@pytest.fixture(scope="session")
def bikes() -> list[av.VideoFrame]:
    """All frames of the street clip."""
    with av.open(str(bikes_mp4())) as container:
        return list(container.decode(video=0))


@pytest.fixture(scope="session")
def empty_street(bikes: list[av.VideoFrame]) -> list[av.VideoFrame]:
    """Forth and back, so that it loops without a jump."""
    shot = [bikes[index] for index in EMPTY]
    return [*shot, *shot[-2:0:-1]]


@pytest.fixture(scope="session")
def waiting_cyclist(bikes: list[av.VideoFrame]) -> list[av.VideoFrame]:
    """Forth and back, so that it loops without a jump."""
    shot = [bikes[index] for index in PERSON]
    return [*shot, *shot[-2:0:-1]]


@pytest.fixture(scope="session")
def detector() -> ObjectDetector:
    return ObjectDetector()
