"""What an error is to a browser: a status, and `{code, message, hint}`. The one table of it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from jupyter_featx import errors


class BadRequest(errors.FeatxError):
    """The request is not as openapi.yaml describes it."""


class RangeError(errors.FeatxError):
    """The file has no such range of bytes."""


class NotFound(errors.FeatxError):
    """A job has no such log, group of errors or file."""


@dataclass(frozen=True)
class Problem:
    """An error as it is answered."""

    status: int
    code: str
    message: str
    hint: str = ""

    def record(self) -> dict[str, str]:
        """Return the body of the answer."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


_RELOAD = "Look at the list of jobs again: it may have been deleted."
_TABLE: tuple[tuple[type[errors.FeatxError], int, str, str], ...] = (
    (BadRequest, 400, "bad_request", "This is a mistake of the page, not yours. Reload it."),
    (RangeError, 416, "range", "Download the whole file."),
    (NotFound, 404, "not_found", ""),
    (errors.JobNotFound, 404, "job_not_found", _RELOAD),
    (errors.JobStateError, 409, "job_state", "Look at the state of the job, then try again."),
    (errors.TemplateError, 422, "template", "Mend the functions in the notebook, save it, and submit again."),
    (errors.DatasetError, 422, "dataset", "Choose another path for the dataset."),
    (errors.SpecError, 422, "spec", "Change the option, and submit again."),
    (errors.ImageError, 422, "image", "Choose another container, or none."),
    (errors.WorldError, 409, "environment", "Retry the job; where it comes again, ask who maintains the cluster."),
    (errors.PreflightError, 422, "preflight", "Mend the functions in the notebook, save it, and submit again."),
    (errors.SchedulerError, 503, "scheduler", "Try again in a minute. Jobs that run go on."),
    (errors.FolderError, 500, "internal", "Look at how much room there is on the disk."),
    (errors.ShardError, 409, "shard", "Retry the job to compute again what cannot be read."),
    (errors.TableError, 422, "table", ""),
    (errors.ConfigError, 422, "config", "Ask who maintains the configuration, or mend the file."),
    (errors.FeatxError, 422, "error", ""),
)
_HTTP = {
    403: ("forbidden", "Your login may have expired. Reload the page and log in again."),
    404: ("not_found", "The server and the page may be of different versions. Reload the page."),
    405: ("method_not_allowed", ""),
}


def present(error: BaseException | None, status: int) -> Problem:
    """Return an error as it is answered; of one that is none of ours, nothing but that it happened."""
    for kind, own_status, code, hint in _TABLE:
        if isinstance(error, kind):
            return Problem(own_status, code, str(error), hint)
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return Problem(500, "internal", f"{error.strerror or 'A file cannot be read'}.", "Look into the server's log.")
    if status < 500:
        code, hint = _HTTP.get(status, ("bad_request", ""))
        return Problem(status, code, _phrase(status), hint)
    return Problem(500, "internal", "The server made a mistake.", "Look into the server's log, then try again.")


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}."
    except ValueError:
        return "The request was refused."
