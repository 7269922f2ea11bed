#!/usr/bin/env python3
"""Packs a folder of photos into one file with Pillow on one thread; prints the milliseconds of processor time that a
photo takes.

    pillow_pack.py FOLDER SIZE OUTPUT ROUNDS

Decodes to RGB, resizes bilinearly to SIZE x SIZE and writes the bytes: what bench/against_pillow.sh compares.
"""
import pathlib
import sys
import time

from PIL import Image

folder, size, output, rounds = sys.argv[1:]
size = int(size)
photos = sorted(pathlib.Path(folder).iterdir())
fastest = float("inf")
for _ in range(int(rounds)):
    start = time.process_time()
    with open(output, "wb") as packed:
        for path in photos:
            with Image.open(path) as photo:
                packed.write(photo.convert("RGB").resize((size, size), Image.BILINEAR).tobytes())
    fastest = min(fastest, time.process_time() - start)
print(f"{1e3 * fastest / len(photos):.4f}")
