"""Muon: momentum whose steps are made orthogonal."""

import torch

# It lowers the test error of default networks on images.
WEIGHT_DECAY = 0.05
# Two odd polynomials one after the other, x -> x (a + b x^2 + c x^4 + d x^6), that
# bring singular values between 0.01 and 1 as close to 1 as two of degree 5 and 7 can
# (Amsel et al., 2025): to between 0.38 and 1.62.
FIRST = 8.0934, -23.6204, 17.4462
SECOND = 4.7228, -6.8288, 3.3269, -0.4905
# The first polynomial is steep at 1, and bfloat16 may round singular values upwards.
MARGIN = 1.02
# Up to this size of the smaller side, Gram matrices in float32 are used: they take half
# the time at 64 (measured with 784 columns on two cores; at 128 they are even).
SMALL = 128


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with orthogonalised steps, for matrices and kernels.

    A kernel is a matrix with a row for each output channel. A step on a matrix with
    more rows than columns is longer, by the root of their ratio. A step also takes
    `lr` times `weight_decay` off every weight.

    References
    ----------
    Jordan, K., et al. (2024). Muon: an optimizer for hidden layers in neural networks.

    Amsel, N., et al. (2025). The Polar Express: optimal matrix sign methods and their
    application to the Muon algorithm.

    Boissin, T., et al. (2025). Turbo-Muon: accelerating orthogonality-based
    optimization with pre-conditioning.
    """

    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=WEIGHT_DECAY):
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._move(
                [p for p in group["params"] if p.grad is not None],
                group["lr"],
                group["momentum"],
                1 - group["lr"] * group["weight_decay"],
            )
        return loss

    def _move(self, parameters, lr, momentum, shrinkage):
        if not parameters:
            return
        gradients = [parameter.grad.flatten(1) for parameter in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if not self.state[parameter]:
                buffer = torch.zeros_like(gradient)
                self.state[parameter]["momentum_buffer"] = buffer
        buffers = [self.state[p]["momentum_buffer"] for p in parameters]
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        steps = all_orthogonalised(torch._foreach_lerp(gradients, buffers, momentum))
        torch._foreach_mul_(parameters, shrinkage)
        for parameter, step in zip(parameters, steps, strict=True):
            rows, columns = step.shape
            stretch = max(1.0, rows / columns) ** 0.5
            parameter.sub_(step.reshape(parameter.shape), alpha=lr * stretch)


def all_orthogonalised(matrices):
    """Return `orthogonalised` of matrices; small ones of one shape are done at once.

    Of a small matrix most of the time is that of calls.
    """
    wide = [G.T if G.shape[0] > G.shape[1] else G for G in matrices]
    places = {}
    for place, G in enumerate(wide):
        places.setdefault(G.shape, []).append(place)
    found = list(wide)
    for shape, alike in places.items():
        if shape[0] > SMALL or len(alike) == 1:
            for place in alike:
                found[place] = orthogonalised(wide[place])
        else:
            together = _by_gram_matrix(torch.stack([wide[place] for place in alike]))
            for place, G in zip(alike, together, strict=True):
                found[place] = G
    return [
        G.T if G.shape != matrix.shape else G
        for G, matrix in zip(found, matrices, strict=True)
    ]


def orthogonalised(G):
    """Return a matrix with the singular vectors of G and singular values near 1."""
    if G.shape[0] > G.shape[1]:
        return orthogonalised(G.T).T
    if len(G) > SMALL:
        return _by_products(G)
    return _by_gram_matrix(G[None])[0]


def _by_products(G):
    """In bfloat16: its rounding is less than what the polynomials leave."""
    X = G.bfloat16()
    S = X @ X.T
    scale = _row_scale(S)
    X, S = scale * X, scale * S * scale.T
    a, b, c = FIRST
    X = torch.addmm(X, torch.addmm(S, S, S, beta=b, alpha=c), X, beta=a)
    S = X @ X.T
    X = torch.addmm(X, _second(S), X, beta=SECOND[0])
    return X.to(G.dtype)


def _by_gram_matrix(G):
    """The same on S = X X^T: what comes out is a polynomial of the first S times G.

    Two large products are left of four. G is a stack of matrices.
    """
    S = G @ G.mT
    scale = _row_scale(S)
    S = S.mul_(scale).mul_(scale.mT)
    a, b, c = FIRST
    P = torch.baddbmm(S, S, S, beta=b, alpha=c)
    P.diagonal(dim1=1, dim2=2).add_(a)
    Q = _second(P @ S @ P)
    Q.diagonal(dim1=-2, dim2=-1).add_(SECOND[0])
    return (Q @ P).mul_(scale.mT) @ G


def _second(S):
    """Return the second polynomial of S but for its constant."""
    _, b, c, d = SECOND
    squared = S @ S
    product = torch.baddbmm if S.ndim == 3 else torch.addmm
    return product(S, squared, S, beta=b, alpha=d).add_(squared, alpha=c)


def _row_scale(S):
    """Return factors for the rows of X, given S = X X^T.

    They leave no singular value above 1. Divided by the norm of X, singular values
    would be smaller and need one more polynomial.
    """
    return S.abs().sum(dim=-1, keepdim=True).clamp(min=1e-37).rsqrt() / MARGIN
