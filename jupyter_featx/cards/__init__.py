"""How a job and a preflight look: as a small card in a notebook, as lines in a terminal. Pure functions."""
