"""A real Keystone with its data in a folder. Owns its start and its end, and knows no broker."""

import os
import subprocess
import time
from pathlib import Path

import openstack
import requests

from broker import free_port

ENVIRONMENT = Path(__file__).with_name("keystone") / ".venv"
SERVE = Path(__file__).with_name("keystone") / "serve.py"
START_SECONDS_MAX = 120
COMMAND_SECONDS_MAX = 120
REGION = "eu-de"
ADMIN = "admin"
ADMIN_PASSWORD = "the first administrator's"

CONFIGURATION = """
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/keys
[fernet_receipts]
key_repository = {folder}/keys
[credential]
key_repository = {folder}/keys
[cache]
# What is revoked is to be refused at once here, so that the broker's cache is what a test sees.
enabled = false
[identity]
# The least that bcrypt does.
password_hash_rounds = 4
"""


class Keystone:
    """Keystone on a loopback port that stays the same over its restarts."""

    def __init__(self, folder: Path):
        self._configuration = folder / "keystone.conf"
        self._log = folder / "keystone.log"
        self._address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen | None = None
        self.url = f"http://{self._address}/v3"

    def set_up(self) -> "Keystone":
        """Makes the database, the keys, and the first administrator."""
        folder = self._configuration.parent
        (folder / "keys").mkdir()
        self._configuration.write_text(CONFIGURATION.format(folder=folder))
        self._manage("db_sync")
        self._manage("fernet_setup", "--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid()))
        self._manage(
            *("bootstrap", "--bootstrap-username", ADMIN, "--bootstrap-password", ADMIN_PASSWORD),
            *("--bootstrap-public-url", self.url, "--bootstrap-region-id", REGION),
        )
        return self

    def start(self) -> "Keystone":
        """Returns once it answers."""
        command = [ENVIRONMENT / "bin" / "python", SERVE, self._configuration, self._address]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def connect(self, **auth) -> openstack.connection.Connection:
        """A connection of somebody who logs in here: `username`, `password`, `project_name` and so on."""
        domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
        return openstack.connection.Connection(
            auth_type="password", auth={"auth_url": self.url, **domains, **auth}, region_name=REGION
        )

    def connect_administrator(self) -> openstack.connection.Connection:
        return self.connect(username=ADMIN, password=ADMIN_PASSWORD, project_name=ADMIN)

    def _manage(self, *words: str) -> None:
        command = [ENVIRONMENT / "bin" / "keystone-manage", "--config-file", self._configuration, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX)
        assert done.returncode == 0, done.stderr

    def _answers(self) -> bool:
        try:
            return requests.get(self.url, timeout=START_SECONDS_MAX).status_code == 200
        except requests.ConnectionError:
            return False
