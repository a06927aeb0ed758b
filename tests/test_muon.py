"""Muon: what a step is, for matrices and for kernels."""

import copy

import pytest
import torch
from torch import nn

from skae.engine._muon import (
    Muon,
    _by_gram_matrix,
    _by_products,
    all_orthogonalised,
    orthogonalised,
)
from skae.engine._solvers import make_optimizers


def by_gram_matrix(gradient):
    return _by_gram_matrix(gradient[None])[0]


def make_kernel(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return nn.Parameter(torch.randn(4, 2, 3, 3, generator=generator))


def step(parameter, optimizer, gradient):
    optimizer.zero_grad()
    assert parameter.grad is None
    (parameter * gradient).sum().backward()
    optimizer.step()


SHAPES = [(1, 9), (7, 30), (30, 7), (80, 200), (200, 80)]


def make_gradient(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_nearly_orthogonal(shape):
    """Singular values come out near 1, singular vectors as they were."""
    gradient = make_gradient(shape)
    U, _, V = torch.linalg.svd(gradient, full_matrices=False)
    step = orthogonalised(gradient)
    lengths = torch.linalg.svdvals(step)
    assert lengths.min() > 0.25
    assert lengths.max() < 1.8
    assert (step * (U @ V)).sum() > 0.9 * lengths.norm() * min(shape) ** 0.5


@pytest.mark.parametrize("shape", [(1, 9), (7, 30), (80, 200)])
def test_both_ways_give_the_same_step(shape):
    """The short cut for small matrices differs by no more than bfloat16 rounds."""
    gradient = make_gradient(shape)
    step = by_gram_matrix(gradient)
    assert (_by_products(gradient) - step).norm() < 0.15 * step.norm()


@pytest.mark.parametrize("way", [_by_products, by_gram_matrix])
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_steps_are_bounded_whatever_the_gradient(way, size):
    """A gradient of rank one has the largest singular value that a bound can allow."""
    for gradient in (torch.ones(100, 300), torch.eye(100), make_gradient((80, 200))):
        lengths = torch.linalg.svdvals(way(size * gradient))
        assert 0.5 < lengths.max() < 1.8


def test_matrices_of_one_shape_step_together_as_alone():
    """Wide or tall, small ones of one shape are multiplied at once."""
    shapes = [(8, 20), (20, 8), (8, 20), (5, 5), (200, 300)]
    gradients = [make_gradient(shape) for shape in shapes]
    together = all_orthogonalised(gradients)
    for gradient, step in zip(gradients, together, strict=True):
        torch.testing.assert_close(step, orthogonalised(gradient))


@pytest.mark.parametrize("shape", SHAPES)
def test_first_steps_follow_the_gradient(shape):
    """A step is the rate long, and longer where there are more rows than columns."""
    matrix, gradient = nn.Parameter(torch.zeros(shape)), make_gradient(shape)
    step(matrix, Muon([matrix], lr=0.1), gradient)
    stretch = max(1.0, shape[0] / shape[1]) ** 0.5
    expected = -0.1 * stretch * orthogonalised(gradient)
    assert (matrix - expected).norm() < 0.15 * expected.norm()


def test_steps_follow_a_running_mean_of_gradients():
    """With Nesterov's look ahead: the mean comes before the last gradient."""
    matrix, mean = nn.Parameter(torch.zeros(6, 4)), torch.zeros(6, 4)
    muon = Muon([matrix], lr=0.1, momentum=0.9, weight_decay=0.0)
    for seed in range(4):
        before, gradient = matrix.detach().clone(), make_gradient((6, 4), seed)
        step(matrix, muon, gradient)
        mean = 0.9 * mean + 0.1 * gradient
        direction = orthogonalised(0.9 * mean + 0.1 * gradient)
        expected = -0.1 * 1.5**0.5 * direction
        torch.testing.assert_close(matrix.detach() - before, expected)


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


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_a_gradient_of_zero_is_no_direction(weight_decay):
    """It makes no NaN: decay alone moves the weights."""
    matrix = nn.Parameter(torch.ones(3, 5))
    optimizer = Muon([matrix], lr=0.1, weight_decay=weight_decay)
    step(matrix, optimizer, torch.zeros(3, 5))
    expected = torch.full((3, 5), 1 - 0.1 * weight_decay)
    torch.testing.assert_close(matrix.detach(), expected)


def test_principal_axes_do_not_decay():
    """What the network corrects stays; the rest is for training to keep."""
    free, axes, bias = (
        nn.Parameter(torch.ones(shape)) for shape in [(3, 5), (2, 5), 3]
    )
    muon, beside = make_optimizers(
        "muon", [free, axes, bias], 0.1, anchors=lambda: [axes]
    )
    decay = {
        id(weight): group["weight_decay"]
        for group in (*muon.param_groups, *beside.param_groups)
        for weight in group["params"]
    }
    assert decay[id(free)] > 0
    assert decay[id(axes)] == decay[id(bias)] == 0


@pytest.mark.parametrize(("n_rows", "share"), [(1, 1.0), (200, 1.0), (2000, 0.1)])
def test_corrections_decay_less_where_rows_are_many(n_rows, share):
    """A fifth of a row for each weight is few; what stands alone is as ever."""

    def decay(n_rows, anchors):
        weights = [nn.Parameter(torch.ones(10, 100)), nn.Parameter(torch.ones(2, 100))]
        (muon,) = make_optimizers(
            "muon", weights, 0.1, anchors=lambda: weights[1:][:anchors], n_rows=n_rows
        )
        return muon.param_groups[0]["weight_decay"]

    assert decay(n_rows, 1) == pytest.approx(share * decay(1, 1))
    assert decay(n_rows, 0) == decay(1, 0)


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
