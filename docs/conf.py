"""Sphinx configuration: sphinx-build -W docs docs/_build."""

from importlib.metadata import version as installed_version

project = "skae"
author = "The skae developers"
copyright = "2026, The skae developers"
release = version = installed_version("skae")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_title = "skae"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "changelog": []}

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "download_all_examples": False,
    "min_reported_time": 1,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
}

# Inherited docstrings of scikit-learn refer to its own guide.
suppress_warnings = ["ref.ref"]
