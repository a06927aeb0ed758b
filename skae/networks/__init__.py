"""Pure torch: what an autoencoder is made of, without numpy, scikit-learn or skorch."""
