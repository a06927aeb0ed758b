"""The version, and those of what results depend on."""

from functools import cache

__version__ = "0.1.0"


@cache
def versions():
    """Return the versions of skae and of what its results depend on, by name."""
    from importlib.metadata import version  # slow beside `import skae`

    # torch's builds for different devices are one version
    others = ("torch", "scikit-learn", "numpy")
    found = {name: version(name).partition("+")[0] for name in others}
    return {"skae": __version__, **found}
