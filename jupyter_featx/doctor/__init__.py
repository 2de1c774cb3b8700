"""`featx doctor`: looks at everything between a notebook and the nodes, and says what to do about what is wrong."""

from jupyter_featx.doctor.examination import examine
from jupyter_featx.doctor.findings import Finding, summary

__all__ = ["Finding", "examine", "summary"]
