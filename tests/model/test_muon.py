"""Muon: what orthogonalising does to a matrix, and that a step goes downhill in the right units."""

import pytest
import torch

from lib.model.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    result = orthogonalised(matrix)
    values = torch.linalg.svdvals(result)
    assert result.shape == shape and values.min() > 0.5 and values.max() < 1.3
    # the same singular vectors: in their basis the result is diagonal
    diagonal = u.T @ result @ v.T
    assert (diagonal - torch.diag(torch.diag(diagonal))).abs().max() < 0.01


def test_a_gradient_of_nothing_moves_nothing():
    assert torch.isfinite(orthogonalised(torch.zeros(4, 6))).all()


def test_it_finds_the_least_squares_solution():
    torch.manual_seed(0)
    wanted, x = torch.randn(8, 8), torch.randn(64, 8)
    matrix = torch.nn.Parameter(torch.zeros(8, 8))
    optimizer = Muon([matrix], lr=0.05)
    losses = []
    for _ in range(150):
        loss = (x @ (matrix - wanted)).square().mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0] / 50


def test_a_tall_matrix_takes_longer_steps_and_decay_shrinks_weights():
    steps = {}
    for rows in (8, 32):
        matrix = torch.nn.Parameter(torch.zeros(rows, 8))
        matrix.grad = torch.randn(rows, 8, generator=torch.Generator().manual_seed(1))
        Muon([matrix], lr=0.1).step()
        steps[rows] = torch.linalg.svdvals(matrix.detach()).mean()
    assert steps[32] / steps[8] == pytest.approx(2, rel=0.25)
    idle = torch.nn.Parameter(torch.ones(4, 4))
    idle.grad = torch.zeros(4, 4)
    Muon([idle], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(idle, torch.full((4, 4), 0.95), atol=1e-5)
