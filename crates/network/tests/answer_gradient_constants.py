"""The constants of crates/network/src/answer_gradient.rs, by autograd: python answer_gradient_constants.py

Made with PyTorch 2.15.
"""

import torch

brand = torch.tensor([0.5, 1.25, -0.75], dtype=torch.float64, requires_grad=True)
era = torch.tensor([0.25, -0.5], dtype=torch.float64, requires_grad=True)
extras = torch.tensor([-1.0, 0.125], dtype=torch.float64, requires_grad=True)
fine = torch.tensor([1.5, 0.25, 0.75, -1.0, 3.0], dtype=torch.float64, requires_grad=True)
of_brand, of_era, known = [0, 0, 1, 2], [0, 1, 1, 0], [0, 1, 2, 3]

product = (
    torch.log_softmax(fine, 0)[known]
    + torch.log_softmax(brand, 0)[of_brand]
    + torch.log_softmax(era, 0)[of_era]
)


def score(classes, of):
    marginals = torch.stack([max(product[i] for i, o in enumerate(of) if o == c) for c in range(classes)])
    return torch.log_softmax(marginals, 0).max()


for value in [score(3, of_brand), score(2, of_era), extras.max()]:
    grads = torch.autograd.grad(value, [brand, era, extras, fine], retain_graph=True, allow_unused=True)
    zeros = [brand, era, extras, fine]
    print([round(v, 9) for g, z in zip(grads, zeros) for v in (g if g is not None else torch.zeros_like(z)).tolist()])
