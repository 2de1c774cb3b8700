"""What JupyterLab's panel asks of the Jupyter server: app wires, handlers translate, the manager knows."""
