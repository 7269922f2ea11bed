#!/usr/bin/env python3
"""How well `familiarity` tells photos of cars from others: of answers by `marque predict --csv`, of cars and of each kind.

  familiarity.py CARS.csv OTHERS.csv …

The AUROC is the share of pairs of a car and another photo in which the car is more familiar; refused are unfamiliar photos.
"""
import csv, os, sys


def ranks(path):
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["error"]]
    return [(os.path.basename(os.path.dirname(r["photo"])), float(r["familiarity"]), r["familiar"] == "true") for r in rows]


def auroc(cars, others):
    below = sum(sum(1.0 if o < c else 0.5 if o == c else 0.0 for o in others) for c in cars)
    return below / (len(cars) * len(others))


cars = ranks(sys.argv[1])
print(f"{len(cars)} cars, {100 * sum(not ok for *_, ok in cars) / len(cars):.1f}% refused")
for path in sys.argv[2:]:
    rows = ranks(path)
    kinds = sorted({kind for kind, *_ in rows})
    for kind in [None, *kinds] if len(kinds) > 1 else [None]:
        of = [row for row in rows if kind in (None, row[0])]
        share = auroc([rank for _, rank, _ in cars], [rank for _, rank, _ in of])
        refused = 100 * sum(not ok for *_, ok in of) / len(of)
        print(f"{kind or path}: {len(of)} photos, AUROC {share:.4f}, {refused:.1f}% refused")
