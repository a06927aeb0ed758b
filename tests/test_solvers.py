"""Muon on kernels, seen as matrices."""

import copy

import pytest
import torch
from torch import nn

from skae._training._solvers import Muon


def make_kernel(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return nn.Parameter(torch.randn(4, 2, 3, 3, generator=generator))


def step(parameter, optimizer, gradient):
    optimizer.zero_grad()
    assert parameter.grad is None
    (parameter * gradient).sum().backward()
    optimizer.step()


@pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last]
)
def test_kernels_take_the_steps_of_matrices(memory_format):
    """A kernel moves as torch's Muon moves the matrix with a row for each channel."""
    kernel = nn.Parameter(make_kernel().detach().to(memory_format=memory_format))
    matrix = nn.Parameter(make_kernel().detach().flatten(1).clone())
    ours, theirs = Muon([kernel], lr=0.1), torch.optim.Muon([matrix], lr=0.1)
    for seed in range(3):
        gradient = make_kernel(seed + 1).detach()
        step(kernel, ours, gradient)
        step(matrix, theirs, gradient.flatten(1))
        torch.testing.assert_close(kernel.flatten(1), matrix)


def test_copies_of_the_solver_move_their_own_kernels():
    """A copied network goes on training; the original stays."""
    kernel = make_kernel()
    optimizer = Muon([kernel], lr=0.1)
    step(kernel, optimizer, make_kernel(1).detach())
    before = kernel.detach().clone()
    other, other_optimizer = copy.deepcopy((kernel, optimizer))
    step(other, other_optimizer, make_kernel(2).detach())
    torch.testing.assert_close(kernel.detach(), before)
    assert not torch.equal(other.detach(), before)


def test_closure_is_called_once():
    """Gradients that the closure computes are those of the step."""
    kernel, calls = make_kernel(), []
    optimizer = Muon([kernel], lr=0.1)

    def closure():
        calls.append(1)
        loss = kernel.square().sum()
        loss.backward()
        return loss

    before = kernel.square().sum().item()
    assert optimizer.step(closure).item() == pytest.approx(before)
    assert len(calls) == 1
    assert kernel.square().sum().item() < before
