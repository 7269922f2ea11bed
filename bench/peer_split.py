#!/usr/bin/env python3
"""Write the Stanford Cars training photos as a table whose test split is every fifth photo of each class.

That is the split of the PyTorch script that docs/results.md compares with, in the form of `source = "table"`.
Needs scipy.

  peer_split.py DEVKIT_FOLDER > photos.csv
"""
import collections, csv, pathlib, sys

import scipy.io

devkit = pathlib.Path(sys.argv[1])
names = [str(x[0]) for x in scipy.io.loadmat(devkit / "cars_meta.mat")["class_names"][0]]
annotations = scipy.io.loadmat(devkit / "cars_train_annos.mat", squeeze_me=True)["annotations"]
rows = sorted((str(a["fname"]), int(a["class"])) for a in annotations)
seen = collections.Counter()
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["file_name", "class_name", "split"])
for file, number in rows:
    out.writerow([file, names[number - 1], "test" if seen[number] % 5 == 4 else "train"])
    seen[number] += 1
