"""A broker in mode "keystone" beside a real Keystone: its users log in there, and its roles count here."""

import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import openstack
import pytest
import requests
from otcextensions import sdk

from broker import Broker
from keystone_process import REGION, Keystone
from raw_api import RawApi

# Keystone takes its time to start, and for each answer, where others are at work too.
pytestmark = pytest.mark.timeout(600)

SERVICE_PASSWORD = "the broker's own"
PASSWORD = "correct horse"
# What the Fernet tokens of Keystone all begin with.
TOKEN_BEGIN = "gAAAA"
CACHE_SECONDS = 2
LONG_CACHE_SECONDS = 600
COMMAND_SECONDS_MAX = 120


@dataclass
class Cloud:
    """A Keystone with somebody who administers it."""

    keystone: Keystone
    administrator: openstack.connection.Connection

    @property
    def identity(self):
        return self.administrator.identity

    def new_project(self, name: str = ""):
        return self.identity.create_project(name=name or f"project-{uuid.uuid4().hex[:8]}", domain_id="default")

    def new_user(self, project, role: str, name: str = "", password: str = PASSWORD):
        user = self.identity.create_user(
            name=name or f"user-{uuid.uuid4().hex[:8]}", password=password, domain_id="default"
        )
        found = self.identity.find_role(role) or self.identity.create_role(name=role)
        self.identity.assign_project_role_to_user(project, user, found)
        return user

    def log_in(self, user, project=None) -> openstack.connection.Connection:
        scope = {"project_id": project.id} if project else {}
        return self.keystone.connect(username=user.name, password=PASSWORD, **scope)

    def config_of_broker(self, cache_seconds: int) -> str:
        return f"""
            [auth]
            mode = "keystone"
            [auth.keystone]
            url = "{self.keystone.url}"
            username = "rohrpost"
            password = "{SERVICE_PASSWORD}"
            member_roles = "member, queue_user"
            cache_s = {cache_seconds}
            timeout_s = 60
            [log]
            level = "trace"
        """


def assert_no_secret_in(log: str) -> None:
    """The log of a broker that tells everything it can has no password and no token of Keystone's."""
    assert "TRACE" in log
    for secret in (SERVICE_PASSWORD, PASSWORD, TOKEN_BEGIN):
        assert secret not in log


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    keystone = Keystone(tmp_path_factory.mktemp("keystone")).set_up().start()
    cloud = Cloud(keystone, keystone.connect_administrator())
    cloud.new_user(cloud.new_project("service"), "service", name="rohrpost", password=SERVICE_PASSWORD)
    yield cloud
    keystone.kill()


@pytest.fixture(scope="module")
def broker(cloud, tmp_path_factory):
    """The broker that Keystone's catalogue names."""
    running = Broker(tmp_path_factory.mktemp("broker"), cloud.config_of_broker(CACHE_SECONDS)).start()
    service = cloud.identity.create_service(name="distributedmessageservice", type="dms")
    url = f"{running.origin}/v1.0"
    cloud.identity.create_endpoint(service_id=service.id, interface="public", region_id=REGION, url=url)
    yield running
    assert running.stop() == 0, running.log
    assert_no_secret_in(running.log)


@pytest.fixture
def patient_broker(cloud, tmp_path):
    """A broker that remembers Keystone's answers for longer than any test takes."""
    running = Broker(tmp_path, cloud.config_of_broker(LONG_CACHE_SECONDS)).start()
    yield running
    assert running.stop() == 0, running.log
    assert_no_secret_in(running.log)


@pytest.fixture
def project(cloud):
    return cloud.new_project()


def raw(broker, project, token: str) -> RawApi:
    """The API by plain HTTP with this token."""
    session = requests.Session()
    session.headers["X-Auth-Token"] = token
    return RawApi(broker.origin, project.id, _session=session)


def refusal(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error_code"]


def test_otcextensions_logs_in_at_keystone_and_finds_the_broker_in_its_catalogue(cloud, broker, project):
    connection = cloud.log_in(cloud.new_user(project, "member"), project)
    sdk.register_otc_extensions(connection)
    dms = connection.dms
    queue = dms.create_queue(name="orders")
    group = dms.create_group(queue, "billing")
    dms.send_messages(queue, messages=[{"body": "hello"}])
    (delivery,) = dms.consume_message(queue, group, time_wait=1)
    assert delivery.body == "hello"
    dms.ack_message(queue, group, [delivery.id])
    assert list(dms.consume_message(queue, group, time_wait=1)) == []


def test_the_command_line_logs_in_at_keystone(cloud, broker, project, tmp_path):
    user = cloud.new_user(project, "member")
    environment = {
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
        "OS_AUTH_URL": cloud.keystone.url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": user.name,
        "OS_PASSWORD": PASSWORD,
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_ID": project.id,
        "OS_REGION_NAME": REGION,
    }
    command = [str(Path(sys.executable).with_name("openstack")), "dms", "queue", "create", "orders", "NORMAL"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX)
    assert done.returncode == 0, done.stderr
    listed = raw(broker, project, cloud.log_in(user, project).auth_token).get("/queues").json()
    assert [queue["name"] for queue in listed["queues"]] == ["orders"]


@pytest.mark.parametrize(
    ("role", "created"),
    [
        ("reader", (403, "DMS.10240310")),
        ("member", (201, None)),
        ("queue_user", (201, None)),
        ("admin", (201, None)),
    ],
)
def test_a_role_of_keystone_permits_what_it_permits_here(cloud, broker, project, role, created):
    api = raw(broker, project, cloud.log_in(cloud.new_user(project, role), project).auth_token)
    assert api.get("/queues").status_code == 200
    answer = api.post("/queues", {"name": "orders"})
    assert (answer.status_code, answer.json().get("error_code")) == created


def test_a_role_that_means_nothing_here_permits_nothing(cloud, broker, project):
    token = cloud.log_in(cloud.new_user(project, "auditor"), project).auth_token
    assert raw(broker, project, token).get("/queues").status_code in (401, 403)


def test_another_project_is_refused_even_to_an_administrator(cloud, broker, project):
    token = cloud.administrator.auth_token
    assert refusal(raw(broker, project, token).get("/queues")) == (401, "DMS.10240104")


def test_a_token_for_no_project_is_refused(cloud, broker, project):
    token = cloud.log_in(cloud.new_user(project, "member")).auth_token
    assert refusal(raw(broker, project, token).get("/queues")) == (401, "DMS.10240104")


def test_what_is_no_token_of_keystone_s_is_refused(broker, project):
    assert refusal(raw(broker, project, "made-up").get("/queues")) == (401, "DMS.10240101")
    anonymous = RawApi(broker.origin, project.id)
    assert refusal(anonymous.get("/queues")) == (401, "DMS.10240103")


def test_the_broker_itself_logs_nobody_in(broker, project):
    answer = requests.post(f"{broker.origin}/v3/auth/tokens", json={}, timeout=10)
    assert answer.status_code == 404


def test_a_revoked_token_is_refused_within_the_cache_time(cloud, broker, project):
    token = cloud.log_in(cloud.new_user(project, "member"), project).auth_token
    api = raw(broker, project, token)
    assert api.get("/queues").status_code == 200
    headers = {"X-Subject-Token": token}
    revoked = cloud.administrator.session.delete(f"{cloud.keystone.url}/auth/tokens", headers=headers)
    assert revoked.status_code == 204
    end = time.monotonic() + CACHE_SECONDS
    while True:
        asked_at = time.monotonic()
        if (answer := api.get("/queues")).status_code != 200:
            break
        assert asked_at < end, "the token is still accepted"
        time.sleep(0.1)
    assert refusal(answer) == (401, "DMS.10240101")


def test_the_broker_logs_in_again_when_its_own_token_is_revoked(cloud, broker, project):
    user = cloud.new_user(project, "member")
    known, new = (cloud.log_in(user, project).auth_token for _ in range(2))
    assert raw(broker, project, known).get("/queues").status_code == 200
    service_user = cloud.identity.find_user("rohrpost")
    # Keystone counts tokens by the second. From the beginning of one, all that follows is likely to fall into it.
    time.sleep(1 - time.time() % 1)
    # Keystone revokes all tokens of a user who is disabled.
    cloud.identity.update_user(service_user, is_enabled=False)
    cloud.identity.update_user(service_user, is_enabled=True)
    assert raw(broker, project, new).get("/queues").status_code == 200


def test_known_tokens_go_on_without_keystone_and_new_ones_are_told_to_wait(cloud, patient_broker, project):
    user = cloud.new_user(project, "member")
    known, new = (cloud.log_in(user, project).auth_token for _ in range(2))
    api = raw(patient_broker, project, known)
    queue = api.create_queue()
    cloud.keystone.kill()
    try:
        assert api.post(f"/queues/{queue}/messages", {"messages": [{"body": 1}]}).status_code == 201
        answer = raw(patient_broker, project, new).get("/queues")
        assert refusal(answer) == (503, "DMS.10250005")
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        cloud.keystone.start()
    assert raw(patient_broker, project, new).get("/queues").status_code == 200
