"""Muon: what a step is, for matrices and for kernels."""

import copy

import pytest
import torch
from torch import nn

from skae._training._muon import N_ITERATIONS, Muon


def make_kernel(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return nn.Parameter(torch.randn(4, 2, 3, 3, generator=generator))


def step(parameter, optimizer, gradient):
    optimizer.zero_grad()
    assert parameter.grad is None
    (parameter * gradient).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("shape", [(7, 30), (30, 7), (80, 200), (200, 80)])
def test_steps_are_those_of_torch(shape):
    """The short cut for small matrices differs by no more than bfloat16 rounds."""
    ours, theirs = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(shape))
    optimizer = Muon([ours], lr=0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.1, weight_decay=0.0, ns_steps=N_ITERATIONS
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        gradient = torch.randn(shape, generator=generator)
        step(ours, optimizer, gradient)
        step(theirs, reference, gradient)
    assert (ours - theirs).norm() < 0.02 * theirs.norm()


@pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last]
)
def test_kernels_take_the_steps_of_matrices(memory_format):
    """A kernel moves as the matrix with a row for each channel."""
    kernel = nn.Parameter(make_kernel().detach().to(memory_format=memory_format))
    matrix = nn.Parameter(make_kernel().detach().flatten(1).clone())
    of_kernel, of_matrix = Muon([kernel], lr=0.1), Muon([matrix], lr=0.1)
    for seed in range(3):
        gradient = make_kernel(seed + 1).detach()
        step(kernel, of_kernel, gradient)
        step(matrix, of_matrix, gradient.flatten(1))
        torch.testing.assert_close(kernel.flatten(1), matrix)


def test_a_gradient_of_zero_moves_nothing():
    """No direction is no step, not a NaN."""
    matrix = nn.Parameter(torch.ones(3, 5))
    step(matrix, Muon([matrix], lr=0.1), torch.zeros(3, 5))
    assert torch.equal(matrix.detach(), torch.ones(3, 5))


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
