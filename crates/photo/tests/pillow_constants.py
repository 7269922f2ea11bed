#!/usr/bin/env python3
"""Writes photos, and what Pillow makes of them; the tests compare.

- fixtures/small.png, fixtures/large.jpg: pictures by a formula; fixtures/noise.png: random points
- fixtures/NAME-FILTER-SIZE.png: NAME resized to SIZE x SIZE from its full size, never by draft mode
- fixtures/NAME-box-SIZE.png: a box of it, bilinear

Run by hand: `python pillow_constants.py`. Needs Pillow and numpy.
"""
import pathlib
import random

import numpy as np
from PIL import Image

fixtures = pathlib.Path(__file__).parent / "fixtures"
fixtures.mkdir(exist_ok=True)


def picture(width, height):
    """Waves from long to short, as a photo has them, edges, and a texture of single pixels."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for colour in range(3):
        plane = 120 + 60 * np.sin(x / (31 + 7 * colour) + y / 23) + 30 * np.cos((x + colour * y) / 5.3)
        plane += 20 * np.sin(x * y / (900 + 200 * colour))
        plane += 50 * ((x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2)
        plane += 12 * (((x * 7 + y * 13 + colour) % 11) > 5)
        planes.append(plane)
    return Image.fromarray(np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8))


def keep(image, name):
    image.save(fixtures / f"{name}.png", optimize=True)


keep(picture(96, 72), "small")
picture(320, 240).save(fixtures / "large.jpg", quality=90)
small = Image.open(fixtures / "small.png")
large = Image.open(fixtures / "large.jpg").convert("RGB")
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
for name, filter in FILTERS.items():
    keep(small.resize((40, 40), filter), f"small-{name}-40")
    keep(large.resize((64, 64), filter), f"large-{name}-64")
keep(small.resize((110, 110), Image.BILINEAR), "small-bilinear-110")
for size in (16, 32, 100):
    keep(large.resize((size, size), Image.BILINEAR), f"large-bilinear-{size}")
keep(small.resize((40, 40), Image.BILINEAR, box=(11, 7, 90, 61)), "small-box-40")
keep(large.resize((64, 64), Image.BILINEAR, box=(31, 17, 260, 211)), "large-box-64")

# Black and white points, of which filters that overshoot cut most between their two passes.
draw = random.Random(1)
noise = Image.frombytes("RGB", (70, 48), bytes(draw.choice((0, 255)) for _ in range(70 * 48 * 3)))
keep(noise, "noise")
for name, filter in [("bicubic", Image.BICUBIC), ("lanczos", Image.LANCZOS)]:
    keep(noise.resize((60, 60), filter), f"noise-{name}-60")
