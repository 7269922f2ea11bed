#!/usr/bin/env python3
"""Packs a folder of photos into one file with Pillow on one thread; prints the milliseconds that a photo takes.

    pillow_pack.py FOLDER SIZE OUTPUT ROUNDS plain|draft

Decodes to RGB, resizes bilinearly to SIZE x SIZE and writes the bytes: what bench/against_pillow.sh compares. `draft`
lets Pillow decode JPEG at a half, a quarter or an eighth where that is still as large as the result.
"""
import pathlib
import sys
import time

from PIL import Image

folder, size, output, rounds, mode = sys.argv[1:]
size = int(size)
photos = sorted(pathlib.Path(folder).iterdir())
fastest = float("inf")
for _ in range(int(rounds)):
    start = time.perf_counter()
    with open(output, "wb") as packed:
        for path in photos:
            with Image.open(path) as photo:
                if mode == "draft":
                    photo.draft("RGB", (size, size))
                packed.write(photo.convert("RGB").resize((size, size), Image.BILINEAR).tobytes())
    fastest = min(fastest, time.perf_counter() - start)
print(f"{1e3 * fastest / len(photos):.4f}")
