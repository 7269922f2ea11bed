#!/usr/bin/env python3
"""Writes JPEG files, and what libjpeg-turbo makes of them through Pillow; the tests compare bit by bit.

- fixtures/NAME.jpg: small pictures by a formula, in every sampling, with restarts and without, grey, of odd sizes
- fixtures/NAME-F.png: the picture decoded with its sides reduced by F (1, 2, 4, 8): Pillow's draft mode

Run by hand: `python pillow_constants.py`. Needs Pillow and numpy.
"""
import pathlib

import numpy as np
from PIL import Image

fixtures = pathlib.Path(__file__).parent / "fixtures"
fixtures.mkdir(exist_ok=True)


def picture(width, height):
    """Waves of several lengths, an edge, and speckles in saturated colours."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [
        127 + 90 * np.sin(x / 5 + y / 11) + 40 * np.cos(x * y / 97),
        127 + 100 * np.cos(x / 7 - y / 4) + 30 * ((x + 2 * y) % 13 > 6),
        60 + 150 * (x > y * width / height) + 45 * np.sin(x * 1.7) * np.cos(y * 1.3),
    ]
    rgb = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    speckle = (x * 31 + y * 17) % 41 == 0
    rgb[speckle] = (255, 0, 255)
    return Image.fromarray(rgb)


CASES = {
    # name: (width, height, quality, further options)
    "444": (45, 37, 90, dict(subsampling=0)),
    "422": (45, 37, 85, dict(subsampling=1)),
    "420": (45, 37, 85, dict(subsampling=2)),
    "420-even": (64, 48, 75, dict(subsampling=2, optimize=True)),
    "420-restarts": (83, 61, 80, dict(subsampling=2, restart_marker_blocks=2)),
    "420-fine": (40, 40, 100, dict(subsampling=2)),
    "420-narrow": (3, 9, 90, dict(subsampling=2)),
    "420-coarse": (70, 33, 10, dict(subsampling=2)),
    "grey": (45, 37, 85, dict()),
}

for name, (width, height, quality, options) in CASES.items():
    image = picture(width, height)
    if name == "grey":
        image = image.convert("L")
    path = fixtures / f"{name}.jpg"
    image.save(path, quality=quality, **options)
    for factor in (1, 2, 4, 8):
        if min(width, height) < factor:
            continue
        decoded = Image.open(path)
        if factor > 1:
            decoded.draft(None, (width // factor, height // factor))
        assert decoded.size == (-(-width // factor), -(-height // factor)), (name, factor, decoded.size)
        decoded.convert("RGB").save(fixtures / f"{name}-{factor}.png", optimize=True)
