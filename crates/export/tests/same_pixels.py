"""Compares pixels and answers of exported graphs with those of the pipeline and of `marque predict`, on the same photos.

    pip install onnxruntime onnx safetensors numpy pandas pyarrow pillow
    marque run
    marque export --onnx prepared.onnx
    marque export --onnx photo.onnx --with-preprocessing
    python crates/export/tests/same_pixels.py data prepared.onnx photo.onnx [path of marque]

Photos of the test split are decoded by Pillow. Pixels are those of the shards, of the graph that prepares photos itself,
and of Pillow's own resizing; probabilities those of `evaluate`, of `marque predict` and of both graphs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from PIL import Image, ImageOps
from safetensors.numpy import load_file

data, prepared_path, photo_path = map(pathlib.Path, sys.argv[1:4])
program = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else "target/release/marque").resolve()


def current(stage):
    return data / stage / "current"


def opened(path, output=None):
    """A session with the graph, and its metadata; with another output than those it has."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    if output is not None:
        model.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session, session.get_modelmeta().custom_metadata_map


prepared, metadata = opened(prepared_path)
photo, photo_metadata = opened(photo_path, "prepare/square")
preparation = json.loads(metadata["photo_preparation"])
assert preparation["inside"] == [] and json.loads(photo_metadata["photo_preparation"])["inside"] != []
heads = json.loads(metadata["heads"])
calibration = json.loads(metadata.get("calibration", '{"heads": {}}'))["heads"]
size, fit = preparation["resize"]["size"], preparation["resize"]["fit"]
background = tuple(preparation["decode"]["background"])
cut = preparation["cut"]
pillow_filter = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
pillow_filter = pillow_filter[preparation["resize"]["filter"]]


def by_pillow(image, box):
    """The square as Pillow makes it, by the words of the metadata."""
    left, top, right, bottom = (0, 0, *image.size)
    if cut != "not cut" and box is not None:
        x1, y1, x2, y2 = box
        dx, dy = (x2 - x1) * cut["margin"], (y2 - y1) * cut["margin"]
        left, top, right, bottom = max(x1 - dx, 0), max(y1 - dy, 0), min(x2 + dx, right), min(y2 + dy, bottom)
    width, height = right - left, bottom - top
    if fit == "crop":
        side = min(width, height)
        left, top = left + (width - side) / 2, top + (height - side) / 2
        right, bottom = left + side, top + side
    sides = (size, size)
    if fit == "pad":
        scale = size / max(width, height)
        sides = tuple(min(max(int(length * scale + 0.5), 1), size) for length in (width, height))
    resized = image.resize(sides, pillow_filter, box=(left, top, right, bottom))
    square = Image.new("RGB", (size, size), background)
    square.paste(resized, ((size - sides[0]) // 2, (size - sides[1]) // 2))
    return np.asarray(square).astype(int)


def probabilities(head, logits):
    temperatures = np.array(calibration.get(head, {}).get("temperatures") or [1.0], dtype=np.float32)
    scaled = logits / temperatures
    if heads[head]["problem_type"] == "multi_label_classification":
        return 1 / (1 + np.exp(-scaled))
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def confidence(head, values):
    """Of the class, or of exactly the tags that are more probable than not."""
    if heads[head]["problem_type"] == "multi_label_classification":
        return np.maximum(values, 1 - values).prod(axis=1)
    return values.max(axis=1)


labels = pd.read_parquet(current("labels") / "labels.parquet").set_index("file_name")
index = pd.read_parquet(current("preprocess") / "index.parquet").set_index("file_name")
measured = pd.read_parquet(current("evaluate") / "predictions.parquet").set_index("file_name")
shards = {
    number: next(iter(load_file(current("preprocess") / "shards" / f"{number:05}.safetensors").values()))
    for number in index["shard"].unique()
}
names = list(measured.index)
files = {name: (current("ingest") / "photos" / name).resolve() for name in names}
columns = ["x1", "y1", "x2", "y2"]

with tempfile.TemporaryDirectory() as folder:
    table = labels.loc[names, columns].rename(columns=lambda column: f"bbox_{column}")
    table.insert(0, "file_name", [str(files[name]) for name in names])
    table.to_csv(f"{folder}/photos.csv", index=False)
    command = [program, "predict", f"{folder}/photos.csv", "--parquet", f"{folder}/answers.parquet"]
    subprocess.run(command, check=True, cwd=data.resolve().parent)
    predicted = pd.read_parquet(f"{folder}/answers.parquet")

pixels = {"graph and shards": [], "graph and Pillow": [], "shards and Pillow": []}
answers = {"photo.onnx": [], "prepared.onnx": []}
worst_logit = 0.0
mean, std = (np.array(preparation["normalize"][key], dtype=np.float32) for key in ("mean", "std"))
for name in names:
    image = Image.open(files[name])
    image = ImageOps.exif_transpose(image).convert("RGB")
    box = None if labels.loc[name, columns].isna().any() else [float(side) for side in labels.loc[name, columns]]
    inputs = {"photo": np.asarray(image)}
    if cut != "not cut":
        inputs["box"] = np.array(box or [0, 0, *image.size], dtype=np.float32)
    found = dict(zip((o.name for o in photo.get_outputs()), photo.run(None, inputs)))
    square = found["prepare/square"].transpose(1, 2, 0).astype(int)
    shard = shards[index.loc[name, "shard"]][index.loc[name, "row"]].astype(int)
    pillow = by_pillow(image, box)
    for what, (a, b) in zip(pixels, [(square, shard), (square, pillow), (shard, pillow)]):
        pixels[what].append(np.abs(a - b))
    normal = ((shard.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
    logits = dict(zip((o.name for o in prepared.get_outputs()), prepared.run(None, {"pixel_values": normal})))
    answers["photo.onnx"].append([confidence(head, found[f"{head}_probabilities"])[0] for head in heads])
    answers["prepared.onnx"].append([confidence(head, probabilities(head, logits[head]))[0] for head in heads])
    worst_logit = max(worst_logit, *(np.abs(logits[head] - found[head]).max() for head in heads))

print(f"{len(names)} photos, {fit}, {preparation['resize']['filter']}, {size} pixels, cut: {cut}")
failed = False
for what, differences in pixels.items():
    differences = np.stack(differences)
    print(f"levels of {what}: at most {differences.max()} apart, {(differences > 0).mean():.4%} differ")
    failed |= what == "graph and shards" and differences.max() > 1
expected = measured[[f"{head}_probability" for head in heads]].to_numpy(float)
same = np.array_equal(expected, predicted[[f"{head}_probability" for head in heads]].to_numpy(float))
print(f"probabilities of predict are those of evaluate: {same}")
for what, values in answers.items():
    difference = np.abs(np.array(values, float) - expected).max()
    print(f"probabilities of {what} and evaluate: at most {difference:.1e} apart")
    failed |= difference > (1e-2 if what == "photo.onnx" else 1e-4)
print(f"logits of both graphs: at most {worst_logit:.1e} apart")
sys.exit(int(failed or not same))
