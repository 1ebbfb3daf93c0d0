"""The `openstack` command of python-openstackclient, run as a user runs it. Knows no test."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS_MAX = 120


@dataclass
class OpenStack:
    """The command line, logged in as its environment says."""

    environment: dict
    # What every command begins with.
    begin: tuple[str, ...] = ()

    def run(self, *words: str) -> subprocess.CompletedProcess:
        command = [str(Path(sys.executable).with_name("openstack")), *self.begin, *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX
        )

    def text(self, *words: str) -> str:
        """What a command that must succeed printed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str):
        return json.loads(self.text(*words, "-f", "json"))

    def error(self, *words: str) -> str:
        """What a command that must fail complained about."""
        done = self.run(*words)
        assert done.returncode != 0, done.stdout
        return done.stderr
