"""A receiver as a process of its own on loopback, and what may go wrong between it and a sender."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def was_killed(script: str, *arguments: str) -> bool:
    """Run a script of Python's that kills its own process, or ends well; whether it was killed."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


class ReceiverProcess:
    """Starts, kills and starts again, always on the same port."""

    def __init__(self, home: Path, sources: str, seal_seconds: float = 10.0) -> None:
        self.home = home
        self.port = free_port()
        self._seal_seconds = seal_seconds
        (home / "receiver.toml").write_text(sources)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Until it answers; the seconds that took."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ingest.receiver.server", str(self.home), str(self.home / "receiver.toml")),
                *("--port", str(self.port), "--seal-seconds", str(self._seal_seconds)),
            ],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        while self._process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health")
                assert connection.getresponse().read() == b"ok"
                return time.monotonic() - began
            except ConnectionError:
                time.sleep(0.01)
        raise AssertionError(f"the receiver ended with {self._process.returncode}")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(timeout=30)


class LyingProxy:
    """Passes requests on; of the chosen ones the answer is kept back and 500 told instead, or nothing at all."""

    def __init__(self, port: int, lie: Callable[[int], str]) -> None:
        self.statuses: list[int] = []
        self.lies = 0
        lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                try:
                    connection.request("POST", self.path, body, dict(self.headers))
                    answer = connection.getresponse()
                    status, content = answer.status, answer.read()
                except OSError:  # the receiver is down
                    status, content = 502, b""
                finally:
                    connection.close()
                with lock:
                    number = len(proxy.statuses)
                    proxy.statuses.append(status)
                    told = lie(number) if status == 200 else ""
                    proxy.lies += bool(told)
                if told == "drop":
                    self.close_connection = True
                    return
                if told == "500":
                    status, content = 500, b'{"code": 500, "error": "after it was stored"}'
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
