"""The lines of docs/migrate.md do what it says, one after another as a team would that moves."""

import os
import sys
from pathlib import Path

import openstack
import pytest
from otcextensions import sdk

import documents
from broker import Broker
from documents import DEFAULT_ADDRESS, run, run_python

DOCUMENT = "docs/migrate.md"
CLOUD_IN_DOCUMENT = "  rohrpost:\n"


def block(marker: str, broker: Broker) -> str:
    return documents.block(DOCUMENT, marker).replace(DEFAULT_ADDRESS, broker.address)


def start(folder: Path) -> Broker:
    folder.mkdir()
    return Broker(folder, documents.block(DOCUMENT, "rohrpost.toml")).start()


@pytest.fixture
def broker(tmp_path):
    running = start(tmp_path / "new")
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture
def managed(tmp_path):
    """What stands in for the cloud: a broker of our own."""
    running = start(tmp_path / "managed")
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture
def folder(tmp_path, broker) -> Path:
    """Where the team has its clouds.yaml."""
    (tmp_path / "clouds.yaml").write_text(block("clouds.yaml", broker))
    return tmp_path


def run_shell(lines: str, folder: Path):
    """Runs lines in bash, with the clients' own commands on the path and no other login in the environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    bash = ["bash", "-euo", "pipefail", "-c", lines]
    return run(bash, folder, {**kept, "HOME": str(folder), "PATH": path})


def test_the_command_line_works_with_the_clouds_yaml(broker, folder):
    done = run_shell(block("openstack.sh", broker), folder)
    assert done.returncode == 0, done.stderr
    assert "0123456789abcdef0123456789abcdef" in done.stdout
    assert done.stdout.count("orders") == 2, "created and listed"


def test_otcextensions_works_with_the_clouds_yaml(broker, folder):
    done = run_python(block("otcextensions.py", broker), folder)
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


def test_huaweicloudsdkdms_works_with_another_endpoint(broker, folder):
    assert run_python(block("otcextensions.py", broker), folder).returncode == 0
    done = run_python(block("huaweicloudsdkdms.py", broker), folder)
    assert (done.returncode, done.stdout) == (0, "invoices\n"), done.stderr


def test_plain_http_works_with_a_token(broker, folder):
    done = run_shell(block("plain.sh", broker), folder)
    assert done.returncode == 0, done.stderr
    assert '"queues":[]' in done.stdout


def test_messages_move_in_order_and_leave_nothing_behind(broker, managed, folder):
    clouds = folder / "clouds.yaml"
    other = block("clouds.yaml", managed).removeprefix("clouds:\n").replace(CLOUD_IN_DOCUMENT, "  managed:\n")
    clouds.write_text(clouds.read_text() + other)
    old, new = (connect(clouds, name) for name in ("managed", "rohrpost"))
    for dms in (old, new):
        dms.create_group(dms.create_queue(name="orders", queue_mode="FIFO"), "billing")
    sent = [f"message {number}" for number in range(25)]
    for body in sent:
        old.send_message(old.find_queue("orders"), body=body, attributes={"kind": "order"})

    done = run_python(block("move.py", broker), folder, "managed", "rohrpost", "orders", "billing")
    assert (done.returncode, done.stdout) == (0, "25 messages moved\n"), done.stderr
    (left,) = old.groups(old.find_queue("orders"))
    assert (left.consumed_messages, left.available_messages) == (len(sent), 0)
    assert consume_all(new) == [(body, {"kind": "order"}) for body in sent]


def connect(clouds: Path, name: str):
    known = openstack.config.OpenStackConfig(config_files=[str(clouds)])
    cloud = openstack.connection.Connection(config=known.get_one(name))
    sdk.register_otc_extensions(cloud)
    return cloud.dms


def consume_all(dms) -> list[tuple[str, dict]]:
    """What the group gets until nothing comes any more."""
    queue = dms.find_queue("orders")
    group = dms.find_group(queue, "billing")
    found = []
    for message in dms.consume_message(queue, group, time_wait=1):
        found.append((message.body, message.attributes))
        dms.ack_message(queue, group, [message.id])
    return found
