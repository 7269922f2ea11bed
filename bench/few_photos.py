#!/usr/bin/env python3
"""Write a part of the Stanford Cars training photos as a table with a column `brand`, the make, as one's own photos have it.

Photos are drawn by the SHA-256 of their names, of the twelve makes that most photos have. With a third number, so many
others are test photos; without it the table has no splits.
Needs scipy.

  few_photos.py DEVKIT_FOLDER PHOTOS [TEST_PHOTOS] > photos.csv
"""
import collections, csv, hashlib, pathlib, sys

import scipy.io

devkit, photos = pathlib.Path(sys.argv[1]), int(sys.argv[2])
tested = int(sys.argv[3]) if len(sys.argv) > 3 else 0
names = [str(x[0]) for x in scipy.io.loadmat(devkit / "cars_meta.mat")["class_names"][0]]
annotations = scipy.io.loadmat(devkit / "cars_train_annos.mat", squeeze_me=True)["annotations"]
LONG = ("Aston Martin", "Land Rover", "AM General")
make = lambda name: next((long for long in LONG if name.startswith(long)), name.split()[0])
rows = [(str(a["fname"]), make(names[int(a["class"]) - 1])) for a in annotations]
rows.sort(key=lambda row: hashlib.sha256(row[0].encode()).hexdigest())
makes = {make for make, _ in collections.Counter(make for _, make in rows).most_common(12)}
rows = [row for row in rows if row[1] in makes]
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["file_name", "brand"] + (["split"] if tested else []))
for row in rows[:photos]:
    out.writerow(row + (("train",) if tested else ()))
for row in rows[len(rows) - tested:]:
    out.writerow(row + ("test",))
