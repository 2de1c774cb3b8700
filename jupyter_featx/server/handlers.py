"""The routes. A handler translates: what is asked for to the service, what that gives to an answer."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_featx.server.answers import dumps
from jupyter_featx.server.base import FeatxHandler, UnknownRoute
from jupyter_featx.server.downloads import DownloadHandler

NAMESPACE = ("featx", "api", "v1")
JOB = r"([a-z0-9][a-z0-9_-]{0,47})"
GROUP = r"([0-9a-f]{16})"


class JobsHandler(FeatxHandler):
    """All the jobs."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List."""
        self.answer(await self.service.jobs(self.query("listJobs")))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Submit."""
        job, lines = await self.service.submit(self.body("submit"))
        self.answer(f'{{"job": {job}, "lines": {dumps(lines)}}}', 201)


class ScriptHandler(FeatxHandler):
    """A dry run."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Show what would be submitted."""
        self.answer(await self.service.dry_run(self.body("script")))


class PreflightHandler(FeatxHandler):
    """A sample."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Run it."""
        self.answer(await self.service.preflight(self.body("preflight")))


class JobHandler(FeatxHandler):
    """One job."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read."""
        self.answer(await self.service.job(job_id))

    @web.authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """Remove."""
        await self.service.delete(job_id)
        self.set_status(204)
        self.finish()


class CancelHandler(FeatxHandler):
    """The end of a job."""

    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Cancel."""
        self.answer(await self.service.cancel(job_id))


class RetryHandler(FeatxHandler):
    """Another attempt."""

    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Retry."""
        self.answer(await self.service.retry(job_id, self.body("retryJob")))


class JobScriptHandler(FeatxHandler):
    """The script of a job."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read."""
        self.answer(await self.service.script(job_id))


class LogHandler(FeatxHandler):
    """What was printed."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read a part."""
        self.answer(await self.service.log(job_id, self.query("readLog")))


class ErrorsHandler(FeatxHandler):
    """What failed, by cause."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """List the groups."""
        self.answer(await self.service.errors(job_id, self.query("listErrors")))


class ErrorItemsHandler(FeatxHandler):
    """What failed of one cause."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str, group: str) -> None:
        """List the items."""
        self.answer(await self.service.error_items(job_id, group, self.query("listErrorItems")))


class ResultHandler(FeatxHandler):
    """The table."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read a page."""
        query = self.query("readResult")
        asked = query["filter"]
        conditions = self.contract.value("Filters", asked, "The parameter filter") if asked else []
        self.answer(await self.service.result(job_id, query, conditions))


class DistributionHandler(FeatxHandler):
    """One column of the table."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Count its values."""
        self.answer(await self.service.distribution(job_id, self.query("readDistribution")["column"]))


class ChartHandler(FeatxHandler):
    """A job over time."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read the series."""
        self.answer(await self.service.chart(job_id))


class UsageHandler(FeatxHandler):
    """What a job cost."""

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read."""
        self.answer(await self.service.usage(job_id))


class DatasetsHandler(FeatxHandler):
    """What a path gives."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Describe it."""
        self.answer(await self.service.dataset(self.query("readDataset")))


class WorkspacesHandler(FeatxHandler):
    """The notebooks that have jobs."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List."""
        self.answer(await self.service.workspaces())


class ClusterHandler(FeatxHandler):
    """Where jobs run."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Read."""
        self.answer(await self.service.cluster())


class ConfigHandler(FeatxHandler):
    """What a form offers."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Read."""
        self.answer(await self.service.config())


ROUTES: tuple[tuple[str, type[FeatxHandler]], ...] = (
    ("jobs", JobsHandler),
    ("script", ScriptHandler),
    ("preflight", PreflightHandler),
    (f"jobs/{JOB}", JobHandler),
    (f"jobs/{JOB}/cancel", CancelHandler),
    (f"jobs/{JOB}/retry", RetryHandler),
    (f"jobs/{JOB}/script", JobScriptHandler),
    (f"jobs/{JOB}/log", LogHandler),
    (f"jobs/{JOB}/errors", ErrorsHandler),
    (f"jobs/{JOB}/errors/{GROUP}", ErrorItemsHandler),
    (f"jobs/{JOB}/result", ResultHandler),
    (f"jobs/{JOB}/distribution", DistributionHandler),
    (f"jobs/{JOB}/download", DownloadHandler),
    (f"jobs/{JOB}/chart", ChartHandler),
    (f"jobs/{JOB}/usage", UsageHandler),
    ("datasets", DatasetsHandler),
    ("workspaces", WorkspacesHandler),
    ("cluster", ClusterHandler),
    ("config", ConfigHandler),
)


def routes(base_url: str) -> list[tuple[str, Any]]:
    """Return the handlers under the server's own address."""
    own: list[tuple[str, Any]] = [(url_path_join(base_url, *NAMESPACE, path), handler) for path, handler in ROUTES]
    return [*own, (url_path_join(base_url, *NAMESPACE, ".*"), UnknownRoute)]
