"""Runs an exported network in onnxruntime and compares its logits with marque's.

    pip install onnxruntime onnx safetensors numpy
    marque export --onnx model.onnx
    cargo run --release -p marque-export --example reference_logits -- data/train/current/model reference.safetensors
    python crates/export/tests/onnx_agreement.py model.onnx reference.safetensors
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

path, reference = sys.argv[1], load_file(sys.argv[2])
onnx.checker.check_model(path, full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
heads = json.loads(metadata["heads"])
print("metadata:", {key: value for key, value in metadata.items() if key != "heads"})
worst = 0.0
for batch in (1, 3, 8):
    images = reference["pixel_values"][:batch]
    names = [output.name for output in session.get_outputs()]
    for name, logits in zip(names, session.run(names, {"pixel_values": images})):
        assert logits.shape == (batch, len(heads[name]["labels"])), (name, logits.shape)
        expected = reference[f"logits.{name}"][:batch]
        difference = np.abs(logits - expected).max()
        worst = max(worst, difference)
        print(f"batch {batch}, {name}: logits to {np.abs(expected).max():.2f}, difference {difference:.1e}")
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: largest difference {worst:.1e}")
sys.exit(int(worst > 1e-4))
