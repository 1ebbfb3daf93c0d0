"""The fenced blocks of our documents, and running those that are scripts. Knows no broker's state."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEFAULT_ADDRESS = "127.0.0.1:8080"
SCRIPT_SECONDS_MAX = 60


def block(document: str, marker: str) -> str:
    """The fenced lines behind this marker."""
    text = (ROOT / document).read_text()
    found = re.search(rf"<!-- {re.escape(marker)} -->\s*```\w+\n(?P<lines>.*?)```", text, re.DOTALL)
    return found.group("lines")


def run_python(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """What becomes of a script that a user runs in `folder`."""
    return run([sys.executable, "-c", script, *arguments], folder)


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SCRIPT_SECONDS_MAX
    )
