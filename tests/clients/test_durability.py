"""What a client was told has happened is still so after kill -9 and a restart."""

import time

import pytest
from huaweicloudsdkdms import v2

from clients import connect_huawei, connect_otcextensions
from raw_api import RawApi, accepted, bodies, fail, refused, success
from waiting import waiting

BATCHES = 10
MODES_WITH_ATTRIBUTES = ["NORMAL", "FIFO"]
MODES = [*MODES_WITH_ATTRIBUTES, "KAFKA_HA"]
STOP_SECONDS_MAX = 10


def kill_and_restart(broker):
    assert broker.kill() == -9
    broker.start()


@pytest.mark.parametrize("mode", MODES)
def test_what_was_acknowledged_survives_a_kill_and_stays_acknowledged(own_broker, project, mode):
    dms = connect_otcextensions(own_broker, project)
    queue = dms.create_queue(name="orders", queue_mode=mode)
    group = dms.create_group(queue, "billing")
    for batch in range(BATCHES):
        dms.send_messages(queue, [{"body": f"{batch}-{number}", "attributes": {"n": number}} for number in range(10)])
    settled = []
    for message in dms.consume_message(queue, group, time_wait=1, ack_wait=15):
        dms.ack_message(queue, group, [message.id])
        settled.append(message.body)
        if len(settled) == 33:
            break

    kill_and_restart(own_broker)

    dms = connect_otcextensions(own_broker, project)
    assert [entry.id for entry in dms.queues()] == [queue.id]
    assert [entry.id for entry in dms.groups(queue)] == [group.id]
    rest = []
    for message in dms.consume_message(queue, group, time_wait=1, ack_wait=15):
        dms.ack_message(queue, group, [message.id])
        assert message.attributes == ({"n": int(message.body[-1])} if mode in MODES_WITH_ATTRIBUTES else {})
        rest.append(message.body)
    everything = [f"{batch}-{number}" for batch in range(BATCHES) for number in range(10)]
    assert sorted(settled + rest) == everything
    (counters,) = dms.groups(queue)
    assert (counters.consumed_messages, counters.available_messages) == (len(everything), 0)


def test_a_handler_stays_valid_across_a_restart_within_its_ack_wait(own_broker, project):
    api = RawApi(own_broker.origin, project)
    queue = api.create_queue()
    (group,) = api.create_groups(queue, "billing")
    api.send_bodies(queue, "x")
    (delivery,) = api.consume(queue, group, ack_wait=300)
    kill_and_restart(own_broker)
    api = RawApi(own_broker.origin, project)
    assert api.settle(queue, group, [delivery]) == {"success": 1, "fail": 0}
    assert api.consume(queue, group) == []


def test_a_restart_keeps_topics_tags_bindings_delays_and_dead_letters(own_broker, project):
    api = RawApi(own_broker.origin, project)
    stream = api.create_queue("stream", queue_mode="KAFKA_HA", retention_hours=5)
    queue = api.create_queue("orders", redrive_policy="enable", max_consume_count=2)
    (group,) = api.create_groups(queue, "billing")
    accepted(api.post(f"/queue/{queue}/tags", {"tag": {"key": "env", "value": "prod"}}), 204)
    api.send(queue, {"body": "poison", "tags": ["red"]}, {"body": "later", "tags": ["red"], "delayTime": 604_800_000})
    (poison,) = api.consume(queue, group, tag="red")
    accepted(api.ack(queue, group, fail(poison)), 200)
    before = [accepted(api.get(f"/queues/{each}"), 200) for each in (stream, queue)]

    kill_and_restart(own_broker)

    api = RawApi(own_broker.origin, project)
    assert [accepted(api.get(f"/queues/{each}"), 200) for each in (stream, queue)] == before
    assert accepted(api.get(f"/queue/{queue}/tags"), 200)["tags"] == [{"key": "env", "value": "prod"}]
    other_filter = api.get(f"/queues/{queue}/groups/{group}/messages", tag="green", time_wait=1)
    assert other_filter.json()["error_code"] == "DMS.10542204"
    (poison,) = api.consume(queue, group, tag="red")
    accepted(api.ack(queue, group, fail(poison)), 200)
    assert bodies(api.consume_dead_letters(queue, group)) == ["poison"]
    assert api.consume(queue, group, tag="red") == []


def test_a_handler_of_another_broker_is_refused(own_broker, broker, project):
    handlers = []
    for origin in (own_broker.origin, broker.origin):
        api = RawApi(origin, project)
        queue = api.create_queue()
        (group,) = api.create_groups(queue, "billing")
        api.send_bodies(queue, "x")
        handlers += api.consume(queue, group)
    foreign, own = handlers
    refused(api.ack(queue, group, success(foreign)), 400, "DMS.10542209")
    assert api.settle(queue, group, [own]) == {"success": 1, "fail": 0}


def test_an_open_poll_is_answered_when_the_broker_stops(own_broker, project):
    api = RawApi(own_broker.origin, project)
    queue = api.create_queue()
    (group,) = api.create_groups(queue, "billing")
    other = RawApi(own_broker.origin, project)
    with waiting(lambda: other.consume(queue, group, time_wait=60)) as poll:
        started = time.monotonic()
        assert own_broker.stop() == 0
        assert poll.result() == []
    assert time.monotonic() - started < STOP_SECONDS_MAX
    own_broker.start()


def test_the_other_client_finds_what_the_first_one_left(own_broker, project):
    """One queue, both clients, two spellings, one stop in order between them."""
    dms = connect_otcextensions(own_broker, project)
    queue = dms.create_queue(name="orders")
    group = dms.create_group(queue, "billing")
    dms.send_message(queue, body="from the one")
    assert own_broker.stop() == 0
    own_broker.start()
    huawei = connect_huawei(own_broker, project)
    request = v2.ConsumeMessagesRequest(queue_id=queue.id, consumer_group_id=group.id, time_wait=1)
    (delivery,) = huawei.consume_messages(request).body
    assert delivery.message.body == "from the one"
