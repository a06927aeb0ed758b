"""A moving average of the weights over the last steps.

Steps at a high rate circle around what they look for. Their average is nearer to it: as
if the rate had fallen already (Shamir and Zhang, 2013).
"""

import torch

AVERAGED = 8  # about the last eighth of the steps so far
INTERVAL = 4  # steps: an average of every fourth is as good, and costs a fourth


def share_of_last(n_averaged):
    """Return the share of the latest weights in an average of so many."""
    return (AVERAGED + 1) / (n_averaged + AVERAGED)


class Average:
    """The average of some parameters, which can take their place.

    Parameters
    ----------
    parameters : list of Parameter
        As they are now, after the first step.
    """

    def __init__(self, parameters):
        self.parameters = parameters
        self.others = [parameter.detach().clone() for parameter in parameters]
        self.n_steps = self.n_averaged = 1
        self.in_place = False  # whether the parameters hold the average

    def add_step(self):
        """Count a step, and average every fourth."""
        self.n_steps += 1
        if self.n_steps % INTERVAL == 0:
            self._add()

    def show(self, in_place):
        """Let the parameters hold the average, or what the solvers train."""
        if in_place == self.in_place:
            return
        if in_place and self.n_steps % INTERVAL:
            self._add()
        for i, parameter in enumerate(self.parameters):
            parameter.data, self.others[i] = self.others[i], parameter.data
        self.in_place = in_place

    def _add(self):
        self.n_averaged += 1
        latest = [parameter.detach() for parameter in self.parameters]
        torch._foreach_lerp_(self.others, latest, share_of_last(self.n_averaged))
