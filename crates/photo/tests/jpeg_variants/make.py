#!/usr/bin/env python3
"""Writes JPEG files of every kind, and the pixels that Pillow sees, into one tar archive.

    make.py                  the fixture of the default test, fixtures/jpeg_variants.tar.gz
    make.py --many ARCHIVE   some thousands, for the test that is ignored by default

Files are COLOUR_FACTORS_SCANS_RESTART_SIZE_MARKERS_CODING.jpg. How a picture is coded does not change it, so
COLOUR_FACTORS_SIZE_MARKERS.rgb has the pixels of all that agree in those, as rows of red, green, blue; none if Pillow
refuses them. Needs Pillow and numpy, a C compiler and libjpeg's headers (Debian: libjpeg-dev).
"""
import gzip
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile

from PIL import Image

here = pathlib.Path(__file__).parent

GREY = ["1x1", "2x2", "2x1", "3x1"]
# 4:4:4, 4:2:2, 4:4:0, 4:2:0, 4:1:1 and their kin; the same with larger numbers; colours of different resolutions; luma
# lower than chroma; thirds; what nobody decodes (two thirds).
COMMON = ["1x1,1x1,1x1", "2x1,1x1,1x1", "1x2,1x1,1x1", "2x2,1x1,1x1", "4x1,1x1,1x1", "1x4,1x1,1x1"]
ODD = ["4x2,1x1,1x1", "2x4,1x1,1x1", "4x4,1x1,1x1", "3x1,1x1,1x1", "1x3,1x1,1x1", "2x2,2x1,2x1", "2x2,1x2,1x2",
       "2x2,2x2,2x2", "2x2,2x1,1x2", "2x1,1x1,2x1", "1x1,2x2,2x2", "1x1,2x1,2x1", "1x1,1x2,1x2", "1x1,2x1,1x2",
       "2x1,1x2,1x1", "1x2,2x1,2x1", "3x1,2x1,1x1"]
RARE = ["3x3,1x1,1x1", "2x1,2x1,2x1", "1x2,1x2,1x2", "2x2,2x2,1x1", "2x2,1x1,2x2", "4x2,2x1,2x1", "4x4,2x2,2x2",
        "4x1,2x1,2x1", "1x1,2x2,1x1", "2x1,2x2,2x2", "3x2,1x1,1x1", "2x1,3x1,1x1", "4x1,1x1,2x1", "1x1,4x1,4x1",
        "3x2,3x1,1x2"]
FOUR = ["1x1,1x1,1x1,1x1", "2x1,1x1,1x1,2x1", "2x2,1x1,1x1,2x2", "1x1,2x2,2x2,1x1", "1x1,1x1,1x1,2x2"]
RARE_FOUR = ["2x2,1x1,1x1,1x1", "1x2,1x1,1x1,1x2", "4x1,1x1,1x1,4x1"]
SCANS = ["one", "each", "luma", "progressive"]


def kinds(many):
    """(colour, factors, scans, restart, size, markers, coding) of each file."""
    colours = {"grey": GREY, "ycbcr": COMMON + ODD, "rgb": COMMON[:4] + ODD[10:11], "cmyk": FOUR, "ycck": FOUR}
    if many:
        colours = {"grey": GREY, "ycbcr": COMMON + ODD + RARE, "rgb": COMMON + ODD + RARE,
                   "cmyk": FOUR + RARE_FOUR, "ycck": FOUR + RARE_FOUR}
    sizes = ["1x1", "7x5", "8x8", "16x16", "17x33", "35x27", "64x48", "67x3", "3x67", "97x71"]
    for colour, factors in ((colour, factors) for colour, all in colours.items() for factors in all):
        for scans in ["one", "progressive"] if colour == "grey" else SCANS:
            usual = factors in COMMON[:4]
            for size in sizes if many else sizes[:5] + ["35x27"] if usual and colour == "ycbcr" else ["35x27"]:
                for restart in (0, 1, 3) if many else (0, 2) if size == "35x27" else (0,):
                    yield colour, factors, scans, restart, size, "usual", "huffman"
            if many or (usual and scans in ("one", "progressive")):
                yield colour, factors, scans, 0, "35x27", "none", "huffman"
                yield colour, factors, scans, 2, "35x27", "usual", "arithmetic"


def main():
    many = len(sys.argv) == 3 and sys.argv[1] == "--many"
    if not many and len(sys.argv) != 1:
        sys.exit(__doc__)
    archive = pathlib.Path(sys.argv[2]) if many else here.parent / "fixtures" / "jpeg_variants.tar.gz"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run(["cc", "-O1", "-o", folder / "write", here / "write.c", "-ljpeg", "-lm"], check=True)
        lines = []
        for colour, factors, scans, restart, size, markers, coding in kinds(many):
            name = f"{colour}_{factors}_{scans}_{restart}_{size}_{markers}_{coding}.jpg"
            width, height = size.split("x")
            lines.append(f"{folder / name} {width} {height} {colour} {factors} {scans} {restart} 60 {markers} {coding}")
        # libjpeg does not write all that can be asked for: more than ten blocks in a unit, for one.
        subprocess.run([folder / "write"], input="\n".join(lines), text=True, stderr=subprocess.DEVNULL, check=True)
        expected, files = {}, sorted(folder.glob("*.jpg"))
        for path in files:
            colour, factors, _, _, size, markers, _ = path.stem.split("_")
            picture = f"{colour}_{factors}_{size}_{markers}.rgb"
            try:
                pixels = Image.open(path).convert("RGB").tobytes()
            except OSError:
                continue
            assert expected.setdefault(picture, pixels) == pixels, path
        # Without a time in it, the same files make the same archive.
        with (open(archive, "wb") if many else gzip.GzipFile(archive, "wb", mtime=0)) as file, \
                tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            def add(name, data):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
            for name, data in sorted(expected.items()):
                add(name, data)
            for path in files:
                add(path.name, path.read_bytes())
        print(f"{len(files)} files, {len(expected)} pictures, {archive.stat().st_size} bytes")


main()
