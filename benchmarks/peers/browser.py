"""A Jupyter server with the extension, and somebody who listens to its events as an open browser does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_server import TOKEN, serving

ASK = """\
GET /api/events/subscribe HTTP/1.1\r
Host: 127.0.0.1:{port}\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Upgrade: websocket\r
Connection: Upgrade\r
Authorization: token {token}\r
\r
"""


@contextmanager
def listening(folder: Path, home: Path) -> Iterator[Callable[[], int]]:
    """Watch the jobs of a home; yield a function that says how many bytes of events have arrived so far."""
    counted, over = [0], threading.Event()
    with serving(folder, home, measured=False) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(ASK.format(port=server.port, token=TOKEN).encode())
        line.recv(1 << 16)  # the answer's head
        line.settimeout(0.2)

        def listen() -> None:
            while not over.is_set():
                try:
                    counted[0] += len(line.recv(1 << 16))
                except TimeoutError:
                    continue

        listener = threading.Thread(target=listen)
        listener.start()
        yield lambda: counted[0]
        over.set()
        listener.join()
