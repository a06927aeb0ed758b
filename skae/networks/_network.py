"""What is asked of every network, and of the parts of it that draw random numbers."""

import functools

from torch import nn


def one_row_or_many(method):
    """Let a method of rows, (n_samples, n_columns), take a single one, (n_columns,)."""

    @functools.wraps(method)
    def of_rows(self, X):
        return method(self, X) if X.ndim > 1 else method(self, X[None])[0]

    return of_rows


class Network(nn.Module):
    """A module that training and inference know how to use.

    Training sees `propagate`: standardised rows in, what the criterion takes out.
    `encode` and `forward` work in the units of X.

    Attributes
    ----------
    work : int
        Multiplications that a row costs on its way through the network.

    widest : int
        Units of the widest layer.

    sealed : bool
        Whether nobody outside holds the network: what is derived from its weights then
        needs no second look. `seal` says so, `unseal` takes it back.
    """

    work = 0
    widest = 1
    sealed = False

    def seal(self):
        """Declare that from now on nobody but inference holds the network."""
        self.__dict__.pop("_derived", None)  # it may be of an earlier state
        self.eval().sealed = True

    def unseal(self):
        """Return the network to somebody who may change it in any way."""
        self.sealed = False
        return self

    def standardise(self, X):
        """Return rows as `propagate` takes them."""
        raise NotImplementedError

    def propagate(self, U):
        """Return what the criterion takes, for standardised rows."""
        raise NotImplementedError

    def encode(self, X):
        """Return codes of shape (n_samples, n_components)."""
        raise NotImplementedError

    def __getstate__(self):
        """Return the state without what inference keeps beside it."""
        state = self.__dict__.copy()
        state.pop("_derived", None)
        return state


class RandomPart(nn.Module):
    """A part that draws from `generator` while training; `set_generators` sets it."""

    def __init__(self):
        super().__init__()
        self.generator = None


def set_generators(module, generator):
    """Hand a generator to all parts that draw random numbers; None takes it away."""
    for part in module.modules():
        if isinstance(part, RandomPart):
            part.generator = generator


def generators_of(module):
    """Return the generators that its parts draw from, each once."""
    parts = [part for part in module.modules() if isinstance(part, RandomPart)]
    found = {id(part.generator): part.generator for part in parts}
    return [each for each in found.values() if each is not None]
