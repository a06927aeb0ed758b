"""The deterministic autoencoder."""

from ._base import BaseAutoencoder


class AutoencoderTransformer(BaseAutoencoder):
    """Autoencoder."""

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes="auto",
        activation="silu",
        code_activation="identity",
        output_activation="auto",
        architecture=None,
        loss="squared_error",
        init="pca",
        tied_weights=False,
        whiten=False,
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        solver="auto",
        learning_rate_init="auto",
        learning_rate="auto",
        batch_size="auto",
        max_iter="auto",
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=30,
        tol=1e-4,
        precision="auto",
        device="auto",
        callbacks=None,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.architecture = architecture
        self.loss = loss
        self.init = init
        self.tied_weights = tied_weights
        self.whiten = whiten
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.precision = precision
        self.device = device
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
