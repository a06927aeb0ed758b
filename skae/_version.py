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


@cache
def documentation():
    """Return where the project says that its pages are: an address, or ""."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("skae").get_all("Project-URL") or []
    except PackageNotFoundError:  # a folder on the path, not installed
        return ""
    found = dict(url.split(", ", 1) for url in urls)
    return found.get("Documentation", "").rstrip("/")
