"""The link to an estimator's page in its diagram."""

from .._version import documentation


class DocumentedMixin:
    """Links to skae's pages, where scikit-learn's estimators link to theirs.

    Their address is the "Documentation" among the project's URLs in pyproject.toml.
    """

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self):
        address = documentation()
        return address and f"{address}/generated/skae.{{estimator_name}}.html"
