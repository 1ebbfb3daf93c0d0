"""The broker under test and the clients that speak to it. Every test gets a project of its own."""

import os
import uuid

import pytest

from broker import OPEN, Broker
from clients import connect_otcextensions
from cloud import Cloud
from raw_api import RawApi

# No proxy of the surrounding machine may stand between a client and the loopback address.
os.environ["NO_PROXY"] = "127.0.0.1"


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """A broker that all tests share; it must also end in order."""
    running = Broker(tmp_path_factory.mktemp("broker"), OPEN).start()
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture(scope="session")
def cloud(tmp_path_factory) -> Cloud:
    """A broker that keeps users itself; it must also end in order."""
    running = Cloud.start(tmp_path_factory.mktemp("cloud"))
    yield running
    assert running.broker.stop() == 0, running.broker.log


@pytest.fixture
def own_broker(tmp_path):
    """A broker that the test may kill and start again."""
    running = Broker(tmp_path, OPEN).start()
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def api(broker, project) -> RawApi:
    return RawApi(broker.origin, project)


@pytest.fixture
def dms(broker, project):
    return connect_otcextensions(broker, project)


@pytest.fixture
def queue(dms):
    return dms.create_queue(name="orders")


@pytest.fixture
def group(dms, queue):
    return dms.create_group(queue, "billing")
