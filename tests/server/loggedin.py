"""A user's browser, logged in at the server by a cookie: what a hostile page in another tab of it can make use of."""

from __future__ import annotations

import http.client
import http.cookiejar
import urllib.error
import urllib.request
from email.message import Message
from typing import Any


class Browser:
    """Logged in by a cookie, as a browser is."""

    def __init__(self, live: Any, login: bool = True) -> None:
        self.jar = http.cookiejar.CookieJar()
        self.live = live
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        for address in (f"{live.url}/login?token={live.token}", f"{live.url}/login") if login else ():
            self.status(address)

    def status(self, address: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
        return self.ask(urllib.request.Request(address, body, headers or {}))[0]

    def ask(self, request: urllib.request.Request) -> tuple[int, Message, bytes]:
        """Return status, headers and body of an answer."""
        try:
            with self._opener.open(request, timeout=120) as answer:
                return int(answer.status), answer.headers, answer.read()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.headers, exc.read()

    def listen(self, headers: dict[str, str]) -> int:
        """Return the status of a handshake with the event bus."""
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        upgrade["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=120)
        try:
            connection.request("GET", "/api/events/subscribe", headers=upgrade | headers)
            return connection.getresponse().status
        finally:
            connection.close()

    @property
    def xsrf(self) -> str:
        return next(cookie.value or "" for cookie in self.jar if cookie.name == "_xsrf")
