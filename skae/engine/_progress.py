"""What `verbose` shows: bars with losses, in a terminal or a notebook, and a last line.

In a notebook the bars are widgets if ipywidgets is installed.
"""

import sys
from importlib.util import find_spec


class Bar:
    """A bar with losses; it shows nothing unless the plan is verbose.

    Parameters
    ----------
    plan : Plan
        Its description and its stage, if it has one, are the label. The bar of a stage
        is gone when it is done.

    total : int

    unit : str

    n_done : int
        How much another process did.
    """

    def __init__(self, plan, total, unit="epoch", n_done=0):
        self._bar = None
        if plan.verbose:
            self._bar = _bar_class()(
                total=total,
                initial=n_done,
                desc=", ".join(filter(None, [plan.description, plan.stage])),
                unit=unit,
                leave=not plan.stage,
            )

    def advance(self, **losses):
        """Go one on, and show the losses that are not None."""
        if self._bar is None:
            return
        known = {name: loss for name, loss in losses.items() if loss is not None}
        self._bar.set_postfix(
            {name: f"{loss:.4g}" for name, loss in known.items()}, refresh=False
        )
        self._bar.update()

    def close(self):
        """Leave the line."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def write_line(text):
    """Write a line where the bars are."""
    modules = {base.__module__ for base in _bar_class().__mro__}
    # What a notebook gets on standard error looks like an error.
    print(text, file=sys.stdout if "tqdm.notebook" in modules else sys.stderr)


def _bar_class():
    # Without ipywidgets tqdm.auto warns in a notebook.
    if find_spec("ipywidgets") is None:
        from tqdm import tqdm
    else:
        from tqdm.auto import tqdm
    return tqdm
