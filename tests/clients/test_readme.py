"""The Python quick start of the README does what it says."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"<!-- quick-start\.py -->\s*```python\n(?P<script>.*?)```", re.DOTALL)
DEFAULT_ADDRESS = "127.0.0.1:8080"
SCRIPT_SECONDS_MAX = 60


def test_the_quick_start_of_the_readme_runs(broker, project, tmp_path):
    script = BLOCK.search(README.read_text()).group("script")
    assert DEFAULT_ADDRESS in script
    done = subprocess.run(
        [sys.executable, "-c", script.replace(DEFAULT_ADDRESS, broker.address)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SCRIPT_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout
