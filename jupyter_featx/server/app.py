"""The extension of the Jupyter server: it wires the routes, the service and the watcher, and does nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Type

from jupyter_featx.server.contract import Contract
from jupyter_featx.server.handlers import routes
from jupyter_featx.server.service import Service
from jupyter_featx.server.watcher import SCHEMA, SCHEMA_ID, Watcher


class FeatxServer(ExtensionApp):
    """jupyter-featx in a Jupyter server."""

    name = "jupyter_featx"

    service_class = Type(
        default_value=Service,
        klass=Service,
        config=True,
        help="What does the work behind the routes; a site may extend it.",
    )

    def initialize_settings(self) -> None:
        """Make what the handlers use."""
        root = Path(self.serverapp.root_dir)
        self.service: Service = self.service_class(root)
        self.watcher = Watcher(self.service.board, self.service.run, self._emit, self.log.warning)
        self.settings.update(featx_service=self.service, featx_contract=Contract())
        self.serverapp.event_logger.register_event_schema(SCHEMA)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(routes("/"))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        self.watcher.start()

    async def stop_extension(self) -> None:
        """End what runs for the server alone; jobs go on."""
        await self.watcher.stop()
        await self.service.stop()

    def _emit(self, change: dict[str, Any]) -> None:
        self.serverapp.event_logger.emit(schema_id=SCHEMA_ID, data=change)
