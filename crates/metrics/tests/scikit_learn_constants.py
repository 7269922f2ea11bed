#!/usr/bin/env python3
"""Prints what scikit-learn and NumPy say of the cases in src/roc.rs, src/bootstrap.rs and tests/metrics.rs. Needs
scikit-learn; run by hand when a case is added."""
import numpy
import sklearn
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, top_k_accuracy_score

print("scikit-learn", sklearn.__version__, "numpy", numpy.__version__)

for has, scores in [
    ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
    ([1, 0, 1, 0, 1], [0.5, 0.5, 0.5, 0.2, 0.2]),
    ([1, 1, 0], [0.9, 0.8, 0.1]),
    ([0, 1], [0.3, 0.3]),
]:
    print("roc_auc_score", has, scores, roc_auc_score(has, scores))

print("percentile", numpy.percentile([3, 1, 2, 4, 10], [2.5, 97.5]))

# The worked example of tests/metrics.rs, and its second places told apart.
labels = [0, 0, 0, 1, 1, 2]
print("balanced_accuracy_score", balanced_accuracy_score(labels, [0, 0, 1, 1, 1, 0]))
scores = [[3, 2, 1, 0], [2, 3, 1, 0], [1, 2, 3, 0], [0, 3, 1, 2], [3, 2, 0, 1], [3, 1, 2, 0]]
print("top_k_accuracy_score", top_k_accuracy_score(labels, scores, k=2, labels=[0, 1, 2, 3]))
answers = [max(range(4), key=lambda i: row[i]) for row in scores]
print("balanced_accuracy_score of those", balanced_accuracy_score(labels, answers))
