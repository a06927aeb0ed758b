"""Sphinx configuration: sphinx-build -W -j 2 docs docs/_build/html."""

from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

project = "skae"
author = "The skae developers"
copyright = "2026, The skae developers"
release = version = installed_version("skae")

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
# Pages of the gallery's times load scripts from elsewhere, and nobody reads them.
exclude_patterns = ["_build", "**sg_execution_times.rst"]
default_role = "code"

# The inventory is committed, so that a build needs no network.
intersphinx_mapping = {
    "sklearn": ("https://scikit-learn.org/stable/", "_inventories/sklearn.inv"),
}

html_theme = "pydata_sphinx_theme"
html_title = "skae"
# MathJax as files: Sphinx's own default is a remote server. The package is an extension
# as well, but not one that allows reading in parallel.
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static"
html_static_path = ["_static", str(MATHJAX)]
mathjax_path = "mathjax/tex-chtml.js"
html_css_files = ["skae.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
# Pages with no others below them have nothing to show beside the text.
ALONE = (
    *("benchmarks", "changelog", "development", "faq", "getting_started", "index"),
    "security",
)
html_sidebars = {page: [] for page in (*ALONE, "auto_examples/index")}
toc_object_entries_show_parents = "hide"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

# Prompts and outputs are not code.
copybutton_prompt_text = r">>> |\.\.\. ?|\$ "
copybutton_prompt_is_regexp = True

# Diagrams that are no examples are drawn by the scripts in figures/.
plot_formats = [("svg", 200)]
plot_html_show_formats = False
plot_html_show_source_link = False

sphinx_gallery_conf = {
    "backreferences_dir": "generated/backreferences",
    # Tables are shown, not what the last call of a cell happens to return.
    "capture_repr": ("_repr_html_",),
    "default_thumb_file": str(Path(__file__).parent / "_static" / "no_picture.svg"),
    "doc_module": ("skae",),
    "download_all_examples": False,
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "image_srcset": ["2x"],
    "min_reported_time": 1,
    "parallel": True,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "thumbnail_size": (600, 420),
}

# Inherited docstrings of scikit-learn refer to its own guide.
suppress_warnings = ["ref.ref"]
