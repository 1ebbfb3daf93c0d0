"""The Python quick start of the README does what it says, plain and over TLS."""

import re
import shlex
import subprocess

import pytest

import documents
from broker import Broker
from documents import DEFAULT_ADDRESS


def block(marker: str) -> str:
    return documents.block("README.md", marker)


def run(script: str, broker: Broker) -> subprocess.CompletedProcess:
    """Runs a script of the README beside the broker's data folder."""
    assert DEFAULT_ADDRESS in script
    return documents.run_python(script.replace(DEFAULT_ADDRESS, broker.address), broker.folder)


@pytest.fixture
def local_broker(tmp_path):
    """A broker with users of its own."""
    running = Broker(tmp_path, "").start()
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture
def tls_broker(tmp_path):
    """A broker started as the README starts one with a certificate made by itself."""
    make_certificate, serve = block("tls.sh").replace("\\\n", "").splitlines()
    subprocess.run(shlex.split(make_certificate), cwd=tmp_path, check=True, capture_output=True)
    program, *flags = shlex.split(serve)
    assert program == "rohrpost"
    assert flags == ["--set", "http.tls.cert=cert.pem", "--set", "http.tls.key=key.pem"]
    running = Broker(tmp_path, '[http.tls]\ncert = "cert.pem"\nkey = "key.pem"\n').start()
    yield running
    assert running.stop() == 0, running.log


def test_the_quick_start_of_the_readme_runs(local_broker):
    done = run(block("quick-start.py"), local_broker)
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout


def test_the_quick_start_runs_over_tls_with_the_line_that_the_readme_changes(tls_broker):
    plain = re.search(r"    auth_url=.*\n", block("quick-start.py")).group()
    script = block("quick-start.py").replace(plain, block("tls.py"))
    assert script != block("quick-start.py")
    done = run(script, tls_broker)
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout

    unknown = run(script.replace('cacert="cert.pem", ', ""), tls_broker)
    assert unknown.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in unknown.stderr

    believing = run(script.replace('cacert="cert.pem"', "verify=False").replace('"invoices"', '"more"'), tls_broker)
    assert believing.returncode == 0, believing.stderr
