"""The README keeps its word."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_python_examples_run_one_after_the_other():
    """Every Python block works as written, with the names of those before it."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["Z"].shape == (1797, 8)
    assert names["X_back"].shape == (1797, 64)
    assert len(blocks) == 2


def test_links_lead_to_files():
    """Every relative link and picture exists in the checkout."""
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text("utf-8"))
    missing = [link for link in links if not (README.parent / link).exists()]
    assert links
    assert not missing
