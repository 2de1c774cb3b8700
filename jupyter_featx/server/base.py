"""What every handler of ours is: authenticated JSON in, JSON out, and one place where an error is presented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_featx.errors import FeatxError
from jupyter_featx.server.answers import dumps
from jupyter_featx.server.contract import Contract
from jupyter_featx.server.merges import StillMerging
from jupyter_featx.server.problems import BadRequest, present
from jupyter_featx.server.service import Service

AUTH_RESOURCE = "jupyter_featx"
MOST_BYTES = 16 << 20  # of a body: a dataset of 100,000 long paths
_RETRY_SECONDS = 2


class FeatxHandler(APIHandler):
    """The base of all our handlers."""

    auth_resource = AUTH_RESOURCE

    @property
    def service(self) -> Service:
        found: Service = self.settings["featx_service"]
        return found

    @property
    def contract(self) -> Contract:
        found: Contract = self.settings["featx_contract"]
        return found

    def set_default_headers(self) -> None:
        """Let no browser guess a type, nor keep an answer: a list of jobs is private, and old in a second."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def query(self, operation_id: str) -> dict[str, Any]:
        """Return the parameters in the query. Raises BadRequest."""
        return self.contract.query(operation_id, self.request.query_arguments)

    def body(self, operation_id: str) -> dict[str, Any]:
        """Return the body. Raises BadRequest."""
        if len(self.request.body) > MOST_BYTES:  # reading it would hold the loop, and everybody's server
            raise BadRequest(
                f"The request is larger than {MOST_BYTES >> 20} MB. Write the paths of the dataset into a text file."
            )
        return self.contract.body(operation_id, self.request.body)

    def answer(self, value: Mapping[str, Any] | str, status: int = 200) -> None:
        """Send JSON: a value, or a text that is JSON already."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(value if isinstance(value, str) else dumps(value))

    def compute_etag(self) -> str | None:
        """Hash no answer: none is kept."""
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Present an error: the only place where that is done."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, StillMerging):
            merging = {"merging": True, "seconds": round(error.seconds, 1), "retry_seconds": _RETRY_SECONDS}
            self.answer(merging, 202)
            return
        problem = present(error, status_code)
        self.answer(problem.record(), problem.status)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is a mistake of ours; what the user is told is none."""
        if not isinstance(value, (FeatxError, StillMerging)):
            super().log_exception(typ, value, tb)


class UnknownRoute(FeatxHandler):
    """Whatever else is asked for below our address."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        raise web.HTTPError(404)

    post = put = delete = patch = get
