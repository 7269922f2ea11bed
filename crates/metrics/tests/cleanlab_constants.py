"""The constants of crates/metrics/tests/confident_learning.rs, by cleanlab: python cleanlab_constants.py

Made with cleanlab 2.9.0 and NumPy 2.
"""

import numpy as np
from cleanlab.filter import find_label_issues

for photos, classes, wrong_every in [(200, 4, 11), (300, 7, 5), (120, 2, 9)]:
    photo, column = np.meshgrid(np.arange(photos), np.arange(classes), indexing="ij")
    raw = ((photo * 7919 + column * 104729 + photo * column * 31) % 1000 + 1.0) ** 2
    probabilities = raw / raw.sum(1, keepdims=True)
    labels = probabilities.argmax(1)
    moved = np.arange(photos) % wrong_every == 0
    labels[moved] = (labels[moved] + 1 + np.arange(photos)[moved] % (classes - 1)) % classes
    found = find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    print((photos, classes, wrong_every), np.flatnonzero(found).tolist())
