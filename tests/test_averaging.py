"""Held-out rows judge an average of the last steps' weights."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Custom
from skae.engine._averaging import Average
from skae.engine._net import AutoencoderNet

from .tables import make_curve, mean_squared_error

# Whatever the constructor says.
OFF = property(lambda net: False, lambda net, value: None)
PLAIN = {
    "init": "random",
    "hidden_layer_sizes": (8,),
    "batch_size": 50,
    "max_iter": 6,
    "random_state": 0,
}


class Record(Callback):
    """Keeps the weights after every step, and those at the end of every epoch."""

    def on_train_begin(self, net, **kwargs):
        self.steps_, self.ends_ = [], []

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.steps_.append(weights(net))

    def on_epoch_end(self, net, **kwargs):
        self.ends_.append((len(self.steps_), weights(net)))


def weights(net):
    found = [weight.detach().flatten() for weight in net.module_.parameters()]
    return torch.cat(found).double().numpy()


def recorded(X, **parameters):
    record = Record()
    AutoencoderTransformer(callbacks=[record], **(PLAIN | parameters)).fit(X)
    return record


def test_average_takes_the_place_of_the_weights_and_gives_it_back():
    """What is trained is not touched, and the average lies between the steps."""
    weight = nn.Parameter(torch.zeros(3))
    average = Average([weight])
    for step in range(1, 12):
        with torch.no_grad():
            weight.fill_(step)
        average.add_step()
    average.show(True)
    shown = weight.detach().clone()
    assert (shown > 8).all()  # the last steps count most
    assert (shown < 11).all()
    average.show(True)
    torch.testing.assert_close(weight.detach(), shown)
    average.show(False)
    assert (weight == 11).all()


def test_held_out_rows_judge_an_average():
    """At the end of an epoch the network is near its last steps, and training goes on
    from the last one.
    """
    record = recorded(make_curve(800), solver="sgd", learning_rate_init=0.01)
    for n_steps, end in record.ends_[1:]:
        last = np.stack(record.steps_[n_steps // 2 : n_steps])
        assert not np.array_equal(end, last[-1])
        slack = 1e-6
        assert (end >= last.min(axis=0) - slack).all()
        assert (end <= last.max(axis=0) + slack).all()
        if n_steps < len(record.steps_):
            step = abs(record.steps_[n_steps] - last[-1]).max()
            assert step < abs(record.steps_[n_steps] - end).max()


def with_statistics(n_in, n_out):
    """Return layers with batch normalisation."""
    return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out))


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": False},
        {
            "architecture": Custom(with_statistics, nn.Linear),
            "hidden_layer_sizes": "auto",
        },
    ],
    ids=["nobody judges", "statistics of batches"],
)
def test_others_are_not_averaged(parameters):
    """Without judges, or with statistics of batches, the last step is what there is."""
    record = recorded(make_curve(800), **parameters)
    for n_steps, end in record.ends_:
        np.testing.assert_array_equal(end, record.steps_[n_steps - 1])


def test_average_lowers_the_error_of_noisy_rows(monkeypatch):
    """Of noisy rows the average leaves less on new rows than the last step does."""
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((4, 15))
    tables = [
        np.tanh(rng.standard_normal((n_rows, 4)) @ axes)
        + 0.7 * rng.standard_normal((n_rows, 15))
        for n_rows in (1500, 3000)
    ]

    def error():
        model = AutoencoderTransformer(
            8, init="random", solver="muon", batch_size=64, max_iter=40, random_state=0
        ).fit(tables[0])
        return mean_squared_error(tables[1], model.reconstruct(tables[1]))

    averaged = error()
    monkeypatch.setattr(AutoencoderNet, "averages", OFF, raising=False)
    assert averaged < 0.98 * error()
