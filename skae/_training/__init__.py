"""The engine: values come in, a trained skorch net goes out. It knows no estimator."""
