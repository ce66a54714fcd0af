"""The page of a screen on this machine alone: bound to loopback, answering only to the names of loopback."""

from __future__ import annotations

import logging
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Self

from matganip.errors import InputError
from matganip.report.explore.app import App, Reply
from matganip.report.explore.source import explored

if TYPE_CHECKING:
    from matganip.report.explore.source import PathLike
    from matganip.results.ranked_orbits import RankedOrbits

HOST = "127.0.0.1"

# Scripts of this server only; plotly.js compiles the functions of its WebGL programs. Nothing from elsewhere, no frame.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
        "blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_log = logging.getLogger(__name__)


def view(screen: RankedOrbits | PathLike, *, port: int = 0, open_browser: bool = False) -> View:
    """Explore a screen in a browser: sort and filter, energies against descriptors, structures, powder patterns.

    Parameters
    ----------
    screen : ScreenResult, Certificate or path-like
        The result, or the folder of a screen; where it kept every orbit (``keep="all"``) all of them are shown.
    port : int
        Of 127.0.0.1; 0 takes a free one.
    open_browser : bool
        Open the page in the default browser.

    Returns
    -------
    View
        It serves in the background until it is closed. No other machine can reach it, and the page asks no other
        machine for anything.

    Raises
    ------
    InputError
        If there is no finished screen, a file is damaged, or the port cannot be had.
    MissingExtraError
        If plotly or jinja2 is not installed.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> found = mg.screen(mg.train(space, "cspbi3_br/gpaw_mp4_fixed"), space, top=5)
    >>> with mg.view(found) as page:
    ...     page.url.startswith("http://127.0.0.1:")
    True
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port: must be from 0 to 65535, not {port}")
    made = View(App(explored(screen)), port)
    if open_browser:
        import webbrowser

        webbrowser.open(made.url)
    return made


class View:
    """A page that is being served; a context manager that closes it.

    Attributes
    ----------
    url : str
        Where it is.
    """

    def __init__(self, app: App, port: int = 0) -> None:
        self.app = app
        try:
            self._server = _Server((HOST, port), _Handler)
        except OSError as error:
            raise InputError(f"port {port}: {error.strerror}; leave it out to take a free one") from error
        self._server.app = app
        self.url = f"http://{HOST}:{self._server.server_port}/"
        self._thread = Thread(target=self._server.serve_forever, name="matganip view", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until Ctrl-C."""
        with suppress(KeyboardInterrupt):
            self._thread.join()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return f'<p>{len(self.app.source.table):,} rows at <a href="{self.url}" target="_blank">{self.url}</a></p>'


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    app: App


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "matganip", ""
    timeout = 30  # a client that says nothing holds no thread for longer

    def do_GET(self) -> None:
        self._send(self._reply())

    def do_HEAD(self) -> None:
        self._send(self._reply(), body=False)

    def _reply(self) -> Reply:
        # A page elsewhere may let a name of its own point here (DNS rebinding); it is told by the name.
        port = self.server.server_port
        if self.headers.get_all("Host", []) not in ([f"{HOST}:{port}"], [f"localhost:{port}"]):
            return Reply(b'{"error": "ask for this page by its own address"}', status=403)
        path, _, query = self.path.partition("?")
        try:
            return self.server.app.reply(path, query)
        except Exception:
            _log.exception("%s", self.path)
            return Reply(b'{"error": "a fault of matganip; its log has the traceback"}', status=500)

    def _send(self, reply: Reply, body: bool = True) -> None:
        self.send_response(reply.status)
        for name, value in {"Cache-Control": "no-store", **_HEADERS, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if body:
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """To the log of the library, not to the terminal."""
        _log.debug(format, *args)
