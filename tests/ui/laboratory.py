"""A throw-away JupyterLab as a user starts it, and what a user does in it with a browser."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = os.environ.get("FEATX_CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
LONG = int(os.environ.get("FEATX_UI_MS", "90000"))  # ms: a loaded machine is slow, and no test is about how slow
QUIET: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {
        "renameUntitledFileOnSave": False,
        "autosave": False,
    },
}
DARK = {"@jupyterlab/apputils-extension/themes.jupyterlab-settings": {"theme": "JupyterLab Dark"}}
KOREAN = {"@jupyterlab/translation-extension/plugin.jupyterlab-settings": {"locale": "ko_KR"}}


class Lab:
    """One JupyterLab with folders, a token and a port of its own."""

    def __init__(self, home: Path, app: str = "jupyterlab") -> None:
        self.home, self.app = home, app
        self.root, self.featx = home / "notebooks", home / "featx"
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.root.mkdir()
        self.featx.mkdir()
        self.settings({})

    def settings(self, more: dict[str, dict[str, Any]]) -> None:
        """Set what the user's settings are from now on: the quiet ones and these."""
        for name in {**QUIET, **DARK, **KOREAN}:
            (self.home / "settings" / name).unlink(missing_ok=True)
        for name, value in {**QUIET, **more}.items():
            path = self.home / "settings" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))

    def environment(self) -> dict[str, str]:
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "FEATX_HOME": "featx",
            "XDG_CONFIG_HOME": "no-configuration",
        }
        own = {name: str(self.home / folder) for name, folder in folders.items()}
        return {**os.environ, **own, "JUPYTER_PLATFORM_DIRS": "1"}

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            *(sys.executable, "-m", self.app, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={self.port}"),
            *("--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"),
            *(f"--ServerApp.root_dir={self.root}", "--LabApp.extension_manager=readonly"),
            f"--{'JupyterNotebookApp' if self.app == 'notebook' else 'LabApp'}.expose_app_in_browser=True",
        ]
        log = (self.home / "lab.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command, env=self.environment(), stdout=log, stderr=log, cwd=self.root, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError((self.home / "lab.log").read_text())
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.base}/api/status?token={self.token}", timeout=10).read()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it; kernels end with it, jobs do not."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


class Browser:
    """One tab, and what is done in it."""

    def __init__(self, lab: Lab, page: Any) -> None:
        self.lab, self.page = lab, page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.set_default_timeout(LONG)

    def open(self, workspace: str, reset: bool = True) -> None:
        """Open JupyterLab in a workspace of its own."""
        end = "&reset" if reset else ""
        self.page.goto(f"{self.lab.base}/lab/workspaces/{workspace}?token={self.lab.token}{end}")
        self.loaded()

    def loaded(self) -> None:
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget")

    def command(self, name: str, **args: Any) -> None:
        """Run a command as the palette does, without waiting for its dialogs."""
        self.page.evaluate("([name, args]) => { void window.jupyterapp.commands.execute(name, args); }", [name, args])

    def panel(self) -> Any:
        """Show the panel of the jobs and return it."""
        panel = self.page.locator("#featx-jobs")
        if not panel.is_visible():
            self.page.locator('.jp-SideBar .lm-TabBar-tab[data-id="featx-jobs"]').click()
        panel.wait_for()
        return panel

    def row(self, name: str) -> Any:
        """Return the panel's row of the job of this name."""
        return self.panel().get_by_role("article", name=name, exact=True)

    def page_of(self, job_id: str, tab: str) -> Any:
        """Open the page of a job at one of its tabs and return the page."""
        self.command("featx:open-job", job_id=job_id, tab=tab)
        page = self.page.locator(f"#featx-job-{job_id}")
        page.locator(f'[role=tab][data-tab="{tab}"][aria-selected=true]').wait_for()
        return page

    def notebook(self, name: str = "") -> None:
        """Make a notebook, or open this one, and wait for its kernel: cells run before are dropped."""
        self.page.evaluate(
            """async name => {
              const { commands } = window.jupyterapp;
              const panel = name
                ? await commands.execute('docmanager:open', { path: name, factory: 'Notebook' })
                : await commands.execute('notebook:create-new', { kernelName: 'python3' });
              await panel.context.ready;
              await panel.sessionContext.ready;
              await panel.sessionContext.session.kernel.info;
            }""",
            name,
        )

    def run(self, source: str) -> None:
        """Put a cell at the end of the notebook in front and run it; the test waits for what it shows."""
        self.page.evaluate(
            """async source => {
              const { shell, commands } = window.jupyterapp;
              const panels = [...shell.widgets('main')].filter(one => one.content?.model?.sharedModel?.cells);
              const panel = panels.find(one => one.isVisible) ?? panels[0];
              shell.activateById(panel.id);
              const notebook = panel.content;
              const cells = notebook.model.sharedModel;
              const last = cells.cells.length - 1;
              const index = last >= 0 && !cells.getCell(last).getSource() ? last : last + 1;
              if (index > last) {
                cells.insertCell(index, { cell_type: 'code', source });
              } else {
                cells.getCell(last).setSource(source);
              }
              notebook.activeCellIndex = index;
              void commands.execute('notebook:run-cell', { activate: true });
            }""",
            source,
        )

    def done(self) -> None:
        """Wait until the kernel of the notebook in front has nothing to do."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.jp-InputArea-prompt')].every(one => !one.textContent.includes('*'))"
        )

    def axe(self, selector: str) -> list[str]:
        """Return the serious faults that axe finds in a part of the page."""
        axe = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
        self.page.evaluate(axe.read_text())
        found = self.page.evaluate(
            "selector => axe.run(selector, { resultTypes: ['violations'] })",
            selector,
        )
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]

    def picture(self, name: str, clip: Any = None) -> None:
        """Take a picture for the documentation, where FEATX_SCREENSHOTS asks for it."""
        if os.environ.get("FEATX_SCREENSHOTS"):
            self.page.mouse.move(5, 5)
            self.page.add_style_tag(content=".Toastify { display: none }")
            self.page.wait_for_timeout(600)  # what moves has come to rest
            (clip or self.page).screenshot(path=str(IMAGES / f"{name}.png"))
