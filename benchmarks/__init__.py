"""What jupyter-featx costs, measured: `python -m benchmarks`."""
