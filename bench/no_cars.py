#!/usr/bin/env python3
"""Gather pictures of no cars, by kind, in two folders of different ones: FOLDER/choose and FOLDER/report.

  no_cars.py FOLDER IMAGENET DEBIAN

IMAGENET is a clone of github.com/EliSchwartz/imagenet-sample-images, a photo of each of the thousand kinds; those of cars, of
parts of cars and of other vehicles of the road go to FOLDER/near. DEBIAN has the unpacked packages (apt-get download, dpkg -x)
openclipart-png, tuxpaint-stamps-default, gnome-backgrounds, mate-backgrounds and plasma-workspace-wallpapers. Noise, gradients,
textures and pages of text are drawn. Needs numpy and Pillow.
"""
import pathlib, random, re, shutil, sys

import numpy as np
from PIL import Image, ImageDraw

SIDE = 256
VEHICLES = re.compile(
    "beach_wagon|cab$|convertible|jeep|limousine|minivan|Model_T|racer|sports_car|pickup|police_van|ambulance|car_wheel|grille"
    "|tow_truck|moving_van|passenger_car|trailer_truck|fire_engine|garbage_truck|go-kart|recreational|minibus|snowplow"
    "|half_track|trolleybus|streetcar|school_bus|car_mirror"
)
folder, imagenet, debian = map(pathlib.Path, sys.argv[1:])


def put(place, kind, files):
    to = folder / place / kind
    to.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        shutil.copy(file, to / f"{number:03}{file.suffix.lower()}")


def drawn(kind, number):
    draw = np.random.default_rng([number, *map(ord, kind)])
    along = np.linspace(0, 1, SIDE)[:, None, None]
    if kind == "noise":
        pixels = draw.integers(0, 256, (SIDE, SIDE, 3))
    elif kind == "plain":
        pixels = np.broadcast_to(draw.integers(0, 256, 3), (SIDE, SIDE, 3))
    elif kind == "gradient":
        corners = draw.integers(0, 256, (4, 3))
        across = along.transpose(1, 0, 2)
        left, right = (corners[i] * (1 - along) + corners[i + 1] * along for i in (0, 2))
        pixels = left * (1 - across) + right * across
    elif kind == "texture":
        steps = np.fft.fftfreq(SIDE)
        distance = np.hypot(steps[:, None], steps[None])
        distance[0, 0] = 1
        slope = draw.uniform(0.8, 2)
        colours = [np.fft.ifft2(np.fft.fft2(draw.normal(size=(SIDE, SIDE))) / distance**slope).real for _ in range(3)]
        pixels = np.stack([(c - c.min()) / (c.max() - c.min()) * 255 for c in colours], -1)
    else:
        page = Image.new("RGB", (SIDE, SIDE), "white")
        words = lambda: " ".join("".join(map(chr, draw.integers(97, 123, draw.integers(2, 10)))) for _ in range(6))
        for y in range(8, SIDE - 8, 12):
            ImageDraw.Draw(page).text((8, y), words(), fill="black")
        pixels = np.array(page)
    return Image.fromarray(np.asarray(pixels).clip(0, 255).astype(np.uint8))


photos = sorted(imagenet.glob("*.JPEG"))
is_near = lambda file: VEHICLES.search(file.stem.split("_", 1)[1])
others = [file for file in photos if not is_near(file)]
put("near", "imagenet", filter(is_near, photos))
put("choose", "imagenet", others[0::2])
put("report", "imagenet", others[1::2])
clipart = debian / "openclipart-png/usr/share/openclipart/png"
for place, kinds in [
    ("choose", "animals buildings food plants tools"),
    ("report", "people electronics recreation containers signs_and_symbols"),
]:
    for kind in kinds.split():
        files = sorted((clipart / kind).rglob("*.png"))
        random.Random(kind).shuffle(files)
        put(place, f"clipart-{kind}", files[:40])
stamps = sorted(file for file in (debian / "tuxpaint-stamps-default").rglob("*.png") if "/vehicles/" not in str(file))
random.Random(1).shuffle(stamps)
put("choose", "stamps", stamps[:150])
put("report", "stamps", stamps[150:300])
walls = [f for p in ("gnome-backgrounds", "mate-backgrounds", "plasma-workspace-wallpapers") for f in (debian / p).rglob("*")]
walls = [f for f in sorted(walls) if f.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp") and f.stat().st_size > 30_000]
put("report", "wallpapers", walls)
for place, kinds in [("choose", "noise gradient plain"), ("report", "texture document")]:
    for kind in kinds.split():
        (folder / place / kind).mkdir(parents=True, exist_ok=True)
        for number in range(30):
            drawn(kind, number).save(folder / place / kind / f"{number:03}.png")
