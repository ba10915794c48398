from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nvr.detect.model.objects as objects
from nvr.detect.model.objects import (
    ANCHOR_FILE,
    MODEL_FILE,
    NMS_OVERLAP,
    SHA256,
    SIZE,
    ObjectDetector,
    runtime,
    suppress,
)
from nvr.detect.steps.regions import Square
from nvr.detect.worker.picture import JPEG_MAX_WIDTH, Picture
from nvr.errors import ModelError


def test_a_cyclist_on_a_real_picture(bikes: list[av.VideoFrame], detector: ObjectDetector) -> None:
    found = detector.detect(Picture(bikes[120]).square(Square(184, 0, 272)))
    assert found.kinds[0] == "person"
    assert found.scores[0] > 0.7
    assert found.boxes[0] == pytest.approx([0.60, 0.02, 0.99, 0.99], abs=0.04)
    assert "bicycle" in found.kinds
    assert list(found.scores) == sorted(found.scores, reverse=True)


def test_nobody_on_an_empty_street(bikes: list[av.VideoFrame], detector: ObjectDetector) -> None:
    for x in (0, 184, 368):
        assert "person" not in detector.detect(Picture(bikes[160]).square(Square(x, 0, 272))).kinds


def test_nothing_on_grey(detector: ObjectDetector) -> None:
    found = detector.detect(np.full((SIZE, SIZE, 3), 128, np.uint8))
    assert found.boxes.shape == (len(found.kinds), 4)
    assert found.scores.shape == (len(found.kinds),)
    assert "person" not in found.kinds


@pytest.mark.parametrize("shape", [(300, 300), (299, 300, 3), (1, 300, 300, 3)])
def test_another_shape(detector: ObjectDetector, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        detector.detect(np.zeros(shape, np.uint8))


def test_the_files_are_those_of_the_model_card() -> None:
    card = (MODEL_FILE.parent / "MODEL_CARD.md").read_text()
    for file in (MODEL_FILE, ANCHOR_FILE):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == SHA256[file]
        assert SHA256[file] in card


@pytest.mark.parametrize("damage", ["one byte", "truncated", "missing"])
def test_a_damaged_shipped_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    file = tmp_path / MODEL_FILE.name
    content = bytearray(MODEL_FILE.read_bytes())
    content[5_000_000] ^= 1
    if damage != "missing":
        file.write_bytes(content if damage == "one byte" else content[:1_000_000])
    monkeypatch.setattr(objects, "MODEL_FILE", file)
    monkeypatch.setattr(objects, "SHA256", {file: SHA256[MODEL_FILE]} | SHA256)
    with pytest.raises(ModelError, match=str(file)) as caught:
        ObjectDetector()
    assert "Install the package again" in caught.value.remedy


def test_a_model_of_another_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "SIZE", 320)
    file = tmp_path / "model.tflite"
    file.write_bytes(MODEL_FILE.read_bytes())
    with pytest.raises(ModelError, match=r"wrong shape: its input is \[\[1, 300, 300, 3\]\]"):
        ObjectDetector(file)


def test_a_runtime_is_installed() -> None:
    assert runtime().__name__ == "Interpreter"


def test_a_model_file_that_is_emptied_later_harms_nobody(tmp_path: Path) -> None:
    """In a process of its own: who reads a mapped page that is no more gets SIGBUS."""
    file = tmp_path / "model.tflite"
    file.write_bytes(MODEL_FILE.read_bytes())
    script = """
import os, sys
from pathlib import Path
import numpy as np
from nvr.detect.model.objects import ObjectDetector
square = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
detector = ObjectDetector(Path(sys.argv[1]))
before = detector.detect(square)
rows = [line.split() for line in Path("/proc/self/smaps").read_text().splitlines()]
at = next(index for index, row in enumerate(rows) if row[-1] == sys.argv[1])
resident_kb = next(int(row[1]) for row in rows[at:] if row[0] == "Rss:")
os.truncate(sys.argv[1], 0)
after = detector.detect(square)
assert before.kinds == after.kinds and (before.scores == after.scores).all()
print(resident_kb)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 1000  # of 5,183 kB


def test_tflite_runtime_beside_numpy_2_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its import is a stand-in: where the real one is installed, numpy 2 is not (test_tflite_runtime.py)."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModelError, match="no TensorFlow Lite runtime is installed"):
        runtime()
    stand_in = ModuleType("tflite_runtime.interpreter")
    monkeypatch.setattr(stand_in, "Interpreter", object, raising=False)
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", stand_in)
    monkeypatch.setattr(np, "__version__", "2.0.1")
    with pytest.raises(ModelError, match=r"does not work with numpy 2\.0\.1") as caught:
        runtime()
    assert "extra `tflite-runtime`" in caught.value.remedy


boxes = st.lists(st.tuples(*[st.integers(0, 20)] * 4, st.integers(1, 99)), max_size=20)


@given(boxes)
def test_suppression(drawn: list[tuple[int, int, int, int, int]]) -> None:
    corners = np.array([[x, y, x + w + 1, y + h + 1] for x, y, w, h, _ in drawn], np.float32).reshape(-1, 4)
    scores = np.array([score / 100 for *_, score in drawn], np.float32)

    def overlap(a: int, b: int) -> float:
        low = np.maximum(corners[a, :2], corners[b, :2])
        high = np.minimum(corners[a, 2:], corners[b, 2:])
        both = float(np.prod(np.clip(high - low, 0, None)))
        areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
        return both / float(areas[a] + areas[b] - both)

    kept = suppress(corners, scores)
    for index in range(len(drawn)):
        if index in kept:
            assert all(overlap(index, k) <= NMS_OVERLAP + 1e-6 for k in kept if k != index)
        else:
            assert any(overlap(index, k) > NMS_OVERLAP - 1e-6 and scores[k] >= scores[index] for k in kept)


@pytest.mark.parametrize("layout", ["yuv420p", "yuvj420p", "yuv422p", "gray"])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (37, 21), (1922, 1082)])
def test_forms_of_a_picture(layout: str, width: int, height: int) -> None:
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), (200, 40, 40), np.uint8), "rgb24")
    picture = Picture(frame.reformat(format=layout))
    side = min(width, height)
    square = picture.square(Square(width - side, height - side, side))
    assert square.shape == (SIZE, SIZE, 3)
    if layout != "gray":
        assert square[150, 150].tolist() == pytest.approx([200, 40, 40], abs=6)
    gray = picture.gray(160, 90)
    assert (gray.shape, gray.dtype) == ((90, 160), np.uint8)
    jpeg = av.CodecContext.create("mjpeg", "r").decode(av.Packet(picture.jpeg()))[0]
    assert jpeg.width == min(width, JPEG_MAX_WIDTH) & ~1
    assert jpeg.height == pytest.approx(height * jpeg.width / width, abs=2)


def test_a_picture_too_small() -> None:
    with pytest.raises(ValueError, match="too small"):
        Picture(av.VideoFrame(640, 8, "yuv420p"))
