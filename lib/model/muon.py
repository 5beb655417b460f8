"""Muon in float32: momentum whose matrix is orthogonalised before it is applied (Jordan et al., 2024).

torch.optim.Muon orthogonalises in bfloat16, which takes minutes a step on CPUs that do not multiply in it.
"""

from collections.abc import Iterable

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic Newton-Schulz iteration, as published
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For the matrices of a network's inner layers; embeddings and vectors want AdamW.

    Args:
        lr: size of a step; a matrix of more rows than columns takes a step longer by the root of their ratio.
        momentum: of the running mean of gradients, applied as Nesterov's.
        weight_decay: decoupled, a step takes away lr * weight_decay of each weight.
    """

    def __init__(
        self, matrices: Iterable[torch.Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in (m for m in group["params"] if m.grad is not None):
                state = self.state[matrix]
                if "mean" not in state:
                    state["mean"] = torch.zeros_like(matrix)
                state["mean"].lerp_(matrix.grad, 1 - group["momentum"])
                step = orthogonalised(matrix.grad.lerp(state["mean"], group["momentum"]))
                rows, columns = matrix.shape
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(step, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """The matrix with its singular values brought near 1, in its own precision."""
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / wide.norm().clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.shape[0] > matrix.shape[1] else x
