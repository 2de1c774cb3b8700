"""The same work by the tools that people use today, with the same obligations: `make bench-peers`."""
