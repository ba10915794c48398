"""The object detector: SSDLite-MobileNetV2 on 300x300 pixels, by TensorFlow Lite; see model/MODEL_CARD.md.

Decoding after the TensorFlow object detection API's box coder: ty, tx, th, tw over 10, 10, 5, 5, relative to
anchors; the scores are already sigmoid outputs. A box may be several kinds at once; each kind is thinned out by
itself (non-maximum suppression at an overlap of 0.6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nvr.detect.model.mapped import give_back
from nvr.errors import ModelError

SIZE = 300
ANCHORS = 1917
CLASSES = {
    1: "person",
    2: "bicycle",
    3: "car",
    4: "motorcycle",
    6: "bus",
    8: "truck",
    17: "cat",
    18: "dog",
    21: "cow",
}
"""Numbers of the 91 COCO classes that this appliance knows, and their names in nvr.toml."""
MIN_SCORE = 0.2
MAX_PER_KIND = 50
NMS_OVERLAP = 0.6

MODEL_FILE = Path(__file__).parent / "coco_ssdlite_mnv2_int8.tflite"
ANCHOR_FILE = Path(__file__).parent / "coco_ssdlite_mnv2_anchors.npy"
SHA256 = {
    MODEL_FILE: "58bb727437eb8a3b2b064cd61f0d53d42d57ac586f9aaa143bbd6bcd79bade5c",
    ANCHOR_FILE: "b73e9bd45f944a6ae78871d70a3715d6ab18159cad22b821845f67df3e0679ea",
}
REINSTALL = "Install the package again: the file that came with it is damaged"
OWN_MODEL = "Give the path of an intact model in `analysis.model`, or remove that key to use the shipped one"


@dataclass(frozen=True, slots=True)
class Detections:
    """What one square shows. `boxes` float32[n, 4]: x0, y0, x1, y1 relative to the square, possibly a little
    beyond it; `scores` float32[n]: MIN_SCORE to 1; `kinds`: n names. Strongest first."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: tuple[str, ...]


class ObjectDetector:
    """The model in memory; one thread, one square at a time.

    `model` None is the shipped file. Another one must take [1, 300, 300, 3] (float32 in -1 to 1, or uint8) and
    give float32 [1, 1917, 4] (or [1, 1917, 1, 4]) and [1, 1917, 91].
    Raises ModelError: file missing, unreadable, truncated, altered (the shipped one), no TensorFlow Lite model,
    other shapes, or no TensorFlow Lite runtime installed.
    """

    def __init__(self, model: Path | None = None):
        file = model or MODEL_FILE
        content = _verified(file, REINSTALL if model is None else OWN_MODEL)
        self._interpreter = _interpreter(file, content, REINSTALL if model is None else OWN_MODEL)
        _verified(ANCHOR_FILE, REINSTALL)
        corners = np.load(ANCHOR_FILE, allow_pickle=False)  # ymin, xmin, ymax, xmax
        self._anchor_size = corners[:, 2:] - corners[:, :2]
        self._anchor_centre = corners[:, :2] + self._anchor_size / 2
        self._classes = np.array(list(CLASSES))
        self._names = np.array(list(CLASSES.values()))
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        shape_in = [list(map(int, each["shape"])) for each in inputs]
        shapes_out = {int(np.prod(each["shape"])): each["index"] for each in outputs}
        problem = ""
        if shape_in != [[1, SIZE, SIZE, 3]] or inputs[0]["dtype"] not in (np.float32, np.uint8):
            problem = f"its input is {shape_in}, not [1, {SIZE}, {SIZE}, 3] of float32 or uint8"
        elif set(shapes_out) != {ANCHORS * 4, ANCHORS * 91} or any(
            each["dtype"] != np.float32 for each in outputs
        ):
            found = [list(map(int, each["shape"])) for each in outputs]
            problem = f"its outputs are {found}, not [1, {ANCHORS}, 4] and [1, {ANCHORS}, 91] of float32"
        if problem:
            raise ModelError(f"{file}: wrong shape: {problem}", remedy=OWN_MODEL)
        self._input: int = inputs[0]["index"]
        self._takes_uint8 = inputs[0]["dtype"] == np.uint8
        self._boxes: int = shapes_out[ANCHORS * 4]
        self._scores: int = shapes_out[ANCHORS * 91]
        give_back(file)

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        """The objects in `rgb`, uint8[300, 300, 3]. Raises ValueError for another shape or dtype."""
        if rgb.shape != (SIZE, SIZE, 3) or rgb.dtype != np.uint8:
            raise ValueError(f"expected uint8[{SIZE}, {SIZE}, 3], not {rgb.dtype}{list(rgb.shape)}")
        picture = rgb if self._takes_uint8 else rgb.astype(np.float32) / np.float32(127.5) - np.float32(1)
        self._interpreter.set_tensor(self._input, picture[None])
        self._interpreter.invoke()
        codes = self._interpreter.get_tensor(self._boxes).reshape(ANCHORS, 4)
        scores = self._interpreter.get_tensor(self._scores).reshape(ANCHORS, 91)[:, self._classes]
        # A damaged model of the right shape may give NaN, which compares as false everywhere.
        strong = np.nan_to_num(scores).max(axis=1) >= MIN_SCORE
        boxes = self._decode(codes[strong], strong)
        return self._thinned(boxes, scores[strong])

    def _decode(self, codes: NDArray[np.float32], which: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Boxes float32[n, 4] as x0, y0, x1, y1 for the anchors `which`."""
        size, centre = self._anchor_size[which], self._anchor_centre[which]
        centre = centre + codes[:, :2] / 10 * size
        size = np.exp(np.clip(codes[:, 2:] / 5, -6, 6)) * size
        low, high = centre - size / 2, centre + size / 2
        return np.concatenate([low[:, ::-1], high[:, ::-1]], axis=1).astype(np.float32)

    def _thinned(self, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Detections:
        picks: list[tuple[int, int]] = []
        for column in range(len(self._classes)):
            rows = np.flatnonzero(scores[:, column] >= MIN_SCORE)
            picks += [(int(rows[kept]), column) for kept in suppress(boxes[rows], scores[rows, column])]
        picks.sort(key=lambda pick: -scores[pick])
        rows = np.array([row for row, _ in picks], np.intp)
        columns = np.array([column for _, column in picks], np.intp)
        return Detections(boxes[rows], scores[rows, columns], tuple(map(str, self._names[columns])))


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], *, overlap: float = NMS_OVERLAP
) -> list[int]:
    """Greedy non-maximum suppression: indices of the boxes to keep, strongest first, at most MAX_PER_KIND.
    `boxes` [n, 4]: x0, y0, x1, y1."""
    order = np.argsort(-scores, kind="stable")
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    keep: list[int] = []
    while order.size and len(keep) < MAX_PER_KIND:
        best, rest = order[0], order[1:]
        keep.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        both = np.prod(np.clip(high - low, 0, None), axis=1)
        order = rest[both <= overlap * (area[best] + area[rest] - both)]
    return keep


def _verified(file: Path, remedy: str) -> bytes:
    """The file's bytes, of a shipped one only if they are the ones that were shipped."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{file}: no such file", remedy=remedy) from None
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror or error}", remedy=remedy) from None
    expected = SHA256.get(file)
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise ModelError(f"{file}: truncated or altered (SHA-256 differs)", remedy=remedy)
    return content


def _interpreter(file: Path, content: bytes, remedy: str) -> Any:
    """The model, loaded and with its buffers allocated."""
    if content[4:8] != b"TFL3":
        raise ModelError(f"{file}: no TensorFlow Lite model", remedy=remedy)
    try:
        # Mapped, not a copy in memory: XNNPACK packs the weights anew, and the file is not read any more.
        interpreter = runtime()(model_path=str(file), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"{file}: truncated or damaged ({str(error).strip()[:200]})", remedy=remedy
        ) from None
    return interpreter


def runtime() -> Any:
    """The Interpreter class of ai-edge-litert, else of tflite-runtime (boards without a litert wheel)."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            raise ModelError(
                "no TensorFlow Lite runtime is installed",
                remedy="Install ai-edge-litert, or on Python 3.11 the extra `tflite-runtime`",
            ) from None
        if int(np.__version__.partition(".")[0]) >= 2:  # it was built for version 1, and fails obscurely
            raise ModelError(
                f"tflite-runtime does not work with numpy {np.__version__}",
                remedy="Install the extra `tflite-runtime`, which brings numpy below 2",
            ) from None
    return Interpreter
