"""One real broker process. Owns its start, its end and its data folder; knows nothing of any API but /health."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 15
PORT_ATTEMPTS = 3


# A broker that asks nobody who they are.
OPEN = """
[auth]
mode = "none"
"""


class Broker:
    """`rohrpost serve` on a free loopback port, with its data, its log and its configuration in `folder`.

    `config` is the TOML of what differs from the defaults.
    """

    def __init__(self, folder: Path, config: str):
        self.folder = folder
        self._scheme = "https" if "[http.tls]" in config else "http"
        self._config = folder / "rohrpost.toml"
        self._config.write_text(config)
        self._log = folder / "rohrpost.log"
        self._process: subprocess.Popen | None = None
        self.origin = ""

    @property
    def address(self) -> str:
        """Where the broker listens, as host:port."""
        return self.origin.removeprefix(f"{self._scheme}://")

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self) -> "Broker":
        """Returns once /health answers 200. A port lost to somebody else is tried again with another one."""
        for _ in range(PORT_ATTEMPTS):
            self._launch(free_port())
            if self._becomes_healthy():
                return self
            self.kill()
        raise AssertionError(f"the broker did not start:\n{self.log}")

    def stop(self) -> int:
        """Ends the broker in order, as a service manager would, and returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Ends the broker at once, with no chance to finish anything."""
        return self._end(signal.SIGKILL)

    def _launch(self, port: int) -> None:
        self.origin = f"{self._scheme}://127.0.0.1:{port}"
        command = [
            os.environ["ROHRPOST_BIN"],
            "serve",
            "--config",
            str(self._config),
            "--listen",
            self.address,
            "--data",
            str(self.folder / "data"),
        ]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ROHRPOST__")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def _becomes_healthy(self) -> bool:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._is_healthy():
                return True
            time.sleep(0.05)
        return False

    def _is_healthy(self) -> bool:
        try:
            # Whether a certificate is to be believed is for the tests of clients.
            return requests.get(f"{self.origin}/health", timeout=2, verify=False).status_code == 200
        except requests.ConnectionError:
            return False

    def _end(self, how: signal.Signals) -> int:
        self._process.send_signal(how)
        try:
            return self._process.wait(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
