"""A notebook that is really executed: its bars, its last line and its summary."""

import sys

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CODE = """
import warnings
from sklearn.datasets import load_iris
from skae import AutoencoderTransformer
X = load_iris().data[:90]
autoencoder = AutoencoderTransformer(
    2, hidden_layer_sizes=(8,), max_iter=3, verbose=1, random_state=0
)
with warnings.catch_warnings(action="error"):
    autoencoder.fit(X)
autoencoder
"""


@pytest.mark.filterwarnings("default")  # of Jupyter's own
@pytest.mark.parametrize(
    "has_widgets", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_fit_in_a_notebook(has_widgets, tmp_path):
    """Without ipywidgets the bars are text and nothing warns; with it, widgets."""
    if has_widgets:
        pytest.importorskip("ipywidgets")
    hide = "import sys; sys.modules['ipywidgets'] = None\n"
    cell = nbformat.v4.new_code_cell(CODE if has_widgets else hide + CODE)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3"}
    client = nbclient.NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": tmp_path}},
    )
    client.km = client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()
    outputs = cell.outputs
    text = {"stdout": "", "stderr": ""}
    for output in outputs:
        if output.output_type == "stream":
            text[output.name] += output.text
    assert "Warning" not in text["stderr"]
    assert "AutoencoderTransformer: " in text["stdout" if has_widgets else "stderr"]
    data = [output.data for output in outputs if "data" in output]
    assert "skae-summary" in data[-1]["text/html"]
    assert "AutoencoderTransformer(" in data[-1]["text/plain"]
    widgets = [
        shown for shown in data if "application/vnd.jupyter.widget-view+json" in shown
    ]
    assert bool(widgets) == has_widgets
