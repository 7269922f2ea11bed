#!/usr/bin/env python3
"""Writes fixtures/pytorch_losses.safetensors: losses and their gradients as PyTorch and torchvision compute them, in
float64. Needs torch, torchvision and safetensors; run by hand when a case is added."""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torchvision.ops import sigmoid_focal_loss

torch.manual_seed(1)
out = {}


def put(case, **tensors):
    for name, tensor in tensors.items():
        tensor = torch.as_tensor(tensor).detach()
        out[f"{case}.{name}"] = (tensor.float() if tensor.is_floating_point() else tensor).contiguous().clone()


# Tags: rows that are unknown, weights of presence, smoothing, focus, scale of the logits.
tags = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0]])
for i, (unknown, weight, smoothing, gamma, scale) in enumerate([
    ([], None, 0.0, 0.0, 1.0),
    ([1, 3], None, 0.0, 0.0, 1.0),
    ([0], [0.2, 1.5, 3.0, 0.7], 0.0, 0.0, 1.0),
    ([0], [0.2, 1.5, 3.0, 0.7], 0.1, 0.0, 1.0),
    ([2], None, 0.0, 2.0, 1.0),
    ([2], None, 0.0, 1.5, 30.0),
    ([2], [0.2, 1.5, 3.0, 0.7], 0.2, 0.0, 1e4),
]):
    logits = (scale * torch.randn(tags.shape)).float().double().requires_grad_()
    known = [row for row in range(len(tags)) if row not in unknown]
    aims = (tags.double() * (1 - smoothing) + smoothing / 2)[known]
    if gamma:
        loss = sigmoid_focal_loss(logits[known], aims, alpha=-1, gamma=gamma, reduction="mean")
    else:
        weights = None if weight is None else torch.tensor(weight).double()
        loss = F.binary_cross_entropy_with_logits(logits[known], aims, pos_weight=weights)
    (2 * loss).backward()
    put(f"tags.{i}", logits=logits, tags=tags, known=torch.tensor(known), weights=torch.tensor(weight or []),
        options=torch.tensor([smoothing, gamma]), loss=loss.reshape(1), twice_the_gradient=logits.grad)

# Softmax with focus, by its formula.
targets = torch.tensor([0, 3, -1, 2, 2, 1, -1, 0])
for i, (weight, smoothing, gamma, scale) in enumerate([
    (None, 0.0, 2.0, 1.0),
    ([0.2, 1.5, 3.0, 0.7], 0.0, 0.5, 3.0),
    ([0.2, 1.5, 3.0, 0.7], 0.1, 2.0, 1.0),
    (None, 0.1, 1.0, 20.0),
]):
    logits = (scale * torch.randn(len(targets), 4)).float().double().requires_grad_()
    known = targets >= 0
    weights = torch.ones(4).double() if weight is None else torch.tensor(weight).double()
    log_p = F.log_softmax(logits[known], 1)
    aims = (F.one_hot(targets[known], 4) * (1 - smoothing) + smoothing / 4) * weights
    loss = -(aims * (1 - log_p.exp()) ** gamma * log_p).sum() / weights[targets[known]].sum()
    (2 * loss).backward()
    put(f"focal.{i}", logits=logits, targets=targets, weights=torch.tensor(weight or []),
        options=torch.tensor([smoothing, gamma]), loss=loss.reshape(1), twice_the_gradient=logits.grad)

path = pathlib.Path(__file__).parent / "fixtures/pytorch_losses.safetensors"
save_file(dict(sorted(out.items())), path)
print(f"{path}: {path.stat().st_size} bytes, {len(out)} tensors, torch {torch.__version__}")
