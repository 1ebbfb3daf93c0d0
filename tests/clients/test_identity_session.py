"""A token that ends while a client works (check 8), and what becomes of tokens across a restart."""

import uuid

import pytest

from clients import log_in
from cloud import PROJECT, Cloud


@pytest.fixture
def connection(cloud):
    return log_in(**cloud.login(), project_id=PROJECT)


@pytest.fixture
def queue(connection):
    made = connection.dms.create_queue(name=f"q-{uuid.uuid4().hex}")
    yield made
    connection.dms.delete_queue(made)


def recorded_calls(connection) -> list[tuple[str, str, int]]:
    """Every request that the session makes from now on: method, path, status."""
    calls = []

    def note(response, *_, **__):
        calls.append((response.request.method, response.request.path_url, response.status_code))

    connection.session.session.hooks["response"].append(note)
    return calls


def test_a_revoked_token_is_renewed_once_and_the_send_is_done_once(cloud, connection, queue):
    group = connection.dms.create_group(queue, "billing")
    revoked = connection.auth_token
    cloud.revoke(revoked)
    calls = recorded_calls(connection)
    connection.dms.send_message(queue, body="one order")
    send = f"/v1.0/{PROJECT}/queues/{queue.id}/messages"
    assert calls == [("POST", send, 401), ("POST", "/v3/auth/tokens", 201), ("POST", send, 201)]
    assert connection.auth_token != revoked
    messages = list(connection.dms.consume_message(queue, group, time_wait=1))
    assert [message.body for message in messages] == ["one order"]


def test_a_session_that_may_not_log_in_again_is_told(cloud, connection):
    token = connection.auth_token
    cloud.revoke(token)
    answer = cloud.call(token, "GET", f"/v1.0/{PROJECT}/queues")
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "DMS.10240101"


def test_a_token_outlives_a_restart(tmp_path):
    cloud = Cloud.start(tmp_path)
    try:
        connection = log_in(**cloud.login(), project_id=PROJECT)
        token = connection.auth_token
        assert cloud.broker.kill() != 0
        cloud.broker.start()
        assert cloud.call(token, "GET", f"/v1.0/{PROJECT}/queues").status_code == 200
    finally:
        assert cloud.broker.stop() == 0, cloud.broker.log
