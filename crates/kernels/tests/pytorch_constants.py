#!/usr/bin/env python3
"""Computes in PyTorch what the operations of this crate must give, into fixtures/pytorch_constants.safetensors.

Run by hand when an operation is added; the tests read the file. Needs torch and safetensors. Everything is computed in
float64 and stored as float32, activations as NHWC and convolution weights as HWIO. Options of a case lie beside it
as `<case>.options`.
"""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20)
torch.set_default_dtype(torch.float64)
out = {}


def put(name, **tensors):
    for key, value in tensors.items():
        value = torch.as_tensor(value)
        out[f"{name}.{key}"] = value.detach().to(torch.float32 if value.is_floating_point() else torch.int64).contiguous().clone()


def nhwc(t):
    return t.permute(0, 2, 3, 1)


def hwio(t):
    return t.permute(2, 3, 1, 0)


# n, h, w, c_in, c_out, kh, kw, stride, padding
convolutions = [
    (2, 7, 6, 3, 5, 3, 3, 1, 1),
    (1, 9, 8, 4, 6, 3, 3, 2, 1),
    (3, 8, 8, 2, 3, 3, 3, 2, 1),
    (2, 5, 5, 3, 4, 1, 1, 1, 0),
    (2, 7, 7, 4, 6, 1, 1, 2, 0),
    (1, 15, 13, 3, 8, 7, 7, 2, 3),
    (2, 6, 7, 2, 3, 3, 2, 1, 0),
    (1, 4, 4, 2, 3, 3, 3, 1, 3),
    (1, 1, 1, 5, 7, 3, 3, 1, 1),
    (2, 9, 9, 2, 2, 5, 5, 3, 2),
    (1, 5, 5, 1, 1, 1, 1, 1, 1),
]
for i, (n, h, w, c, o, kh, kw, stride, padding) in enumerate(convolutions):
    x = torch.randn(n, c, h, w, requires_grad=True)
    k = torch.randn(o, c, kh, kw, requires_grad=True)
    y = F.conv2d(x, k, stride=stride, padding=padding)
    dy = torch.randn_like(y)
    y.backward(dy)
    put(f"conv.{i}", options=[stride, padding], x=nhwc(x), w=hwio(k), y=nhwc(y), dy=nhwc(dy), dx=nhwc(x.grad), dw=hwio(k.grad))

# n, h, w, c, kernel, stride, padding; small integers, so that there are ties
for i, (n, h, w, c, kernel, stride, padding) in enumerate(
    [(2, 9, 8, 3, 3, 2, 1), (1, 7, 7, 5, 3, 2, 1), (2, 6, 5, 2, 2, 2, 0), (1, 5, 6, 3, 3, 1, 1), (1, 8, 8, 2, 2, 3, 1), (1, 1, 1, 4, 3, 2, 1)]
):
    x = torch.randint(-2, 3, (n, c, h, w)).double().requires_grad_()
    y = F.max_pool2d(x, kernel, stride, padding)
    dy = torch.randn_like(y)
    y.backward(dy)
    put(f"max_pool.{i}", options=[kernel, stride, padding], x=nhwc(x), y=nhwc(y), dy=nhwc(dy), dx=nhwc(x.grad))

# n, h, w, c, relu, mean of the input
for i, (n, h, w, c, relu, centre) in enumerate([(2, 5, 4, 3, 0, 0.3), (3, 4, 4, 5, 1, -0.2), (1, 3, 5, 2, 1, 0.0), (4, 1, 1, 3, 0, 1.0), (2, 6, 6, 4, 1, 100.0)]):
    x = (torch.randn(n, c, h, w) + centre).float().double().requires_grad_()
    norm = torch.nn.BatchNorm2d(c, eps=1e-5, momentum=0.1)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    put(f"batch_norm.{i}", options=[relu], x=nhwc(x), gamma=norm.weight, beta=norm.bias,
        running_mean=norm.running_mean.clone(), running_var=norm.running_var.clone())
    dy = torch.randn(n, c, h, w)
    put(f"batch_norm.{i}", dy=nhwc(dy))
    for mode in ("eval", "train"):
        norm.train(mode == "train")
        norm.zero_grad()
        x.grad = None
        y = norm(x)
        y = F.relu(y) if relu else y
        y.backward(dy)
        put(f"batch_norm.{i}.{mode}", y=nhwc(y), dx=nhwc(x.grad), dgamma=norm.weight.grad, dbeta=norm.bias.grad,
            running_mean=norm.running_mean.clone(), running_var=norm.running_var.clone())

a, b = torch.randn(2, 3, 4, 5, requires_grad=True), torch.randn(2, 3, 4, 5, requires_grad=True)
y = F.relu(a + b)
dy = torch.randn_like(y)
y.backward(dy)
put("add_relu", a=a, b=b, y=y, dy=dy, da=a.grad, db=b.grad)

x = torch.randn(3, 4, 5, 6, requires_grad=True)
y = F.adaptive_avg_pool2d(x, 1).flatten(1)
dy = torch.randn_like(y)
y.backward(dy)
put("average", x=nhwc(x), y=y, dy=dy, dx=nhwc(x.grad))

x, layer = torch.randn(5, 7, requires_grad=True), torch.nn.Linear(7, 3)
y = layer(x)
dy = torch.randn_like(y)
y.backward(dy)
put("linear", x=x, w=layer.weight, b=layer.bias, y=y, dy=dy, dx=x.grad, dw=layer.weight.grad, db=layer.bias.grad)

# targets, weights, smoothing, scale of the logits
targets = torch.tensor([0, 3, -1, 2, 2, 1, -1, 0])
weights = torch.tensor([0.2, 1.5, 3.0, 0.7])
for i, (target, weight, smoothing, scale) in enumerate([
    (targets.clamp(min=0), None, 0.0, 1.0),
    (targets, None, 0.0, 1.0),
    (targets, weights, 0.0, 1.0),
    (targets.clamp(min=0), None, 0.1, 1.0),
    (targets, weights, 0.1, 1.0),
    (targets, weights, 0.0, 1000.0),
    (targets, weights, 0.25, 1e4),
    (targets, torch.tensor([0.0, 1.0, 2.0, 0.0]), 0.1, 1.0),
]):
    logits = (scale * torch.randn(len(target), 4)).float().double().requires_grad_()
    loss = F.cross_entropy(logits, target, weight=weight, ignore_index=-1, label_smoothing=smoothing)
    (2 * loss).backward()
    put(f"cross_entropy.{i}", logits=logits, targets=target, weights=torch.zeros(0) if weight is None else weight,
        smoothing=torch.tensor([smoothing]), loss=loss.reshape(1), twice_the_gradient=logits.grad)

path = pathlib.Path(__file__).parent / "fixtures/pytorch_constants.safetensors"
path.parent.mkdir(exist_ok=True)
save_file(dict(sorted(out.items())), path)
print(f"{path}: {path.stat().st_size} bytes, {len(out)} tensors, torch {torch.__version__}")
