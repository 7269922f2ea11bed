"""What torchvision and Pillow make of a photo, for tests/torchvision.rs.

    python crates/augment/tests/torchvision_constants.py

writes tests/fixtures/torchvision.safetensors beside this file. Operations are those of torchvision's RandAugment
with bilinear interpolation, on Pillow images; hues are turned on tensors.
"""

import math
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

SIZE = 24
FILL = [124, 116, 104]


def photo():
    """The same formula as in the test."""
    y, x, c = np.meshgrid(np.arange(SIZE), np.arange(SIZE), np.arange(3), indexing="ij")
    return ((x * x * (2 + c) + 9 * y * (3 - c) + (x * y) % (23 + c)) % 231 + 12 * (c == 0)).astype(np.uint8)


def operation(name, magnitude):
    image = Image.fromarray(photo())
    bilinear = F.InterpolationMode.BILINEAR
    return np.asarray(_apply_op(image, name, magnitude, interpolation=bilinear, fill=FILL))


def hue(turn):
    tensor = torch.from_numpy(photo()).permute(2, 0, 1)
    return F.adjust_hue(tensor, turn).permute(1, 2, 0).contiguous().numpy()


def resized(left, top, width, height, size):
    image = Image.fromarray(photo()).crop((left, top, left + width, top + height))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


CASES = {
    "ShearX": [0.3, -0.17],
    "ShearY": [0.21, -0.3],
    "TranslateX": [5, -9],
    "TranslateY": [7, -4],
    "Rotate": [30, -13.5],
    "Brightness": [0.6, -0.7],
    "Color": [0.9, -0.4],
    "Contrast": [0.9, -0.55],
    "Sharpness": [0.9, -0.9],
    "Posterize": [4, 6],
    "Solarize": [178.5, 30],
    "AutoContrast": [0],
    "Equalize": [0],
}

results = {"photo": photo()}
for name, magnitudes in CASES.items():
    for magnitude in magnitudes:
        results[f"{name} {magnitude}"] = operation(name, magnitude)
for turn in [0.2, -0.35, 0.5]:
    results[f"Hue {turn}"] = hue(turn)
for region in [(0, 0, 24, 24, 16), (0, 0, 24, 24, 40), (3, 5, 14, 9, 24), (1, 2, 20, 22, 7)]:
    results["Resize " + " ".join(map(str, region))] = resized(*region)

folder = Path(__file__).parent / "fixtures"
folder.mkdir(exist_ok=True)
save_file({name: np.ascontiguousarray(array) for name, array in results.items()}, folder / "torchvision.safetensors")
print(f"torchvision {torchvision.__version__}, Pillow {PIL.__version__}, {len(results)} results")
