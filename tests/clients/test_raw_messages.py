"""By plain HTTP: sizes, labels, partial acknowledgements and the strict order of FIFO queues."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from raw_api import RawApi, accepted, bodies, fail, refused, success
from waiting import waiting

MESSAGE_BYTES_MAX = 524288
BACKLOG = 200


@pytest.fixture
def queue(api) -> str:
    return api.create_queue()


@pytest.fixture
def group(api, queue) -> str:
    return api.create_groups(queue, "billing")[0]


# ---- messages --------------------------------------------------------------------------------------------------------


def test_an_empty_consume_is_exactly_an_empty_array(api, queue, group):
    answer = api.get(f"/queues/{queue}/groups/{group}/messages", time_wait=1)
    assert (answer.status_code, answer.content) == (200, b"[]")


def test_empty_parameters_mean_their_defaults(api, queue, group):
    started = time.monotonic()
    assert api.consume(queue, group, time_wait="", max_msgs="", ack_wait="") == []
    assert 2.5 <= time.monotonic() - started <= 5


def test_a_batch_of_exactly_the_limit_passes_and_one_byte_more_does_not(api, queue, group):
    quotes = 2
    largest = "x" * (MESSAGE_BYTES_MAX - quotes)
    text = refused(api.post(f"/queues/{queue}/messages", {"messages": [{"body": largest + "x"}]}), 400, "DMS.10540011")
    assert str(MESSAGE_BYTES_MAX) in text
    assert str(MESSAGE_BYTES_MAX + 1) in text
    api.send_bodies(queue, largest)
    assert bodies(api.consume(queue, group)) == [largest]


def test_two_large_messages_come_in_two_answers(api, queue, group):
    large = ["a" * 400_000, "b" * 400_000]
    for body in large:
        api.send_bodies(queue, body)
    assert bodies(api.consume(queue, group)) == large[:1]
    assert bodies(api.consume(queue, group)) == large[1:]


def test_of_an_attribute_given_twice_the_last_wins(api, queue, group):
    body = b'{"messages":[{"body":"x","attributes":{"a":1,"a":2}}]}'
    accepted(api.call("POST", f"/queues/{queue}/messages", data=body), 201)
    (delivery,) = api.consume(queue, group)
    assert delivery["message"]["attributes"] == {"a": 2}


@pytest.mark.parametrize("labels", [["a", "b", "c", "d"], ["l" * 65], ["not.fine"]], ids=["4", "65", "charset"])
def test_labels_outside_the_rules_are_refused(api, queue, labels):
    refused(api.post(f"/queues/{queue}/messages", {"messages": [{"body": "x", "tags": labels}]}), 400)


def test_a_filter_of_several_labels_matches_any_or_all(api, queue):
    matching_any, matching_all = api.create_groups(queue, "any", "all")
    labels = {"a": ["red"], "b": ["green"], "both": ["red", "green"], "none": ["blue"]}
    api.send(queue, *({"body": body, "tags": tags} for body, tags in labels.items()))
    either = api.consume(queue, matching_any, tag=["red", "green"], tag_type="or")
    assert sorted(bodies(either)) == ["a", "b", "both"]
    both = api.consume(queue, matching_all, tag=["red", "green"], tag_type="and")
    assert bodies(both) == ["both"]


def test_labels_at_the_limits_are_kept(api, queue, group):
    labels = ["l" * 64, "a", "A-1_b"]
    api.send(queue, {"body": "x", "tags": labels})
    (delivery,) = api.consume(queue, group)
    assert delivery["message"]["tags"] == labels


def test_a_message_of_null_is_refused(api, queue):
    refused(api.post(f"/queues/{queue}/messages", {"messages": [{"body": None}]}), 400, "DMS.10540001")


def test_attributes_on_a_kafka_queue_are_dropped_without_an_error(api):
    stream = api.create_queue("stream", queue_mode="KAFKA_HA")
    (group,) = api.create_groups(stream, "billing")
    api.send(stream, {"body": "x", "attributes": {"a": 1}})
    (delivery,) = api.consume(stream, group)
    assert delivery["message"]["attributes"] == {}


def test_concurrent_consumers_of_each_group_share_the_messages_and_none_gets_one_twice(api, queue):
    groups = api.create_groups(queue, "a", "b", "c")
    for start in range(0, BACKLOG, 10):
        api.send_bodies(queue, *range(start, start + 10))

    def drain(group):
        mine = RawApi(api.origin, api.project)
        received = []
        while deliveries := mine.consume(queue, group, max_msgs=7, ack_wait=300):
            assert mine.settle(queue, group, deliveries) == {"success": len(deliveries), "fail": 0}
            received += bodies(deliveries)
        return group, received

    received = {group: [] for group in groups}
    with ThreadPoolExecutor(6) as threads:
        for group, part in threads.map(drain, groups * 2):
            received[group] += part
    for group in groups:
        assert sorted(received[group]) == list(range(BACKLOG))
        counters = api.group_counters(queue, group)
        assert (counters["consumed_messages"], counters["available_messages"]) == (BACKLOG, 0)


def test_messages_in_flight_are_neither_consumed_nor_available(api, queue, group):
    api.send_bodies(queue, *range(10))
    deliveries = api.consume(queue, group, max_msgs=6)
    api.settle(queue, group, deliveries[:4])
    counters = api.group_counters(queue, group)
    assert counters["produced_messages"] == 10
    assert counters["consumed_messages"] == 4
    assert counters["available_messages"] == 4


def test_a_consumer_that_hangs_up_loses_no_message(api, queue, group):
    url = f"{api.origin}{api.prefix}/{api.project}/queues/{queue}/groups/{group}/messages"
    with pytest.raises(requests.ReadTimeout):
        requests.get(url, params={"time_wait": 60, "ack_wait": 15}, timeout=1)
    api.send_bodies(queue, "kept")
    assert bodies(api.consume(queue, group, time_wait=20)) == ["kept"]


def test_deleting_a_queue_ends_its_open_polls(api, queue, group):
    other = RawApi(api.origin, api.project)
    with waiting(lambda: other.get(f"/queues/{queue}/groups/{group}/messages", time_wait=60)) as poll:
        started = time.monotonic()
        accepted(api.delete(f"/queues/{queue}"), 204)
        refused(poll.result(), 404, "DMS.10240401")
    assert time.monotonic() - started < 5


# ---- acknowledge -----------------------------------------------------------------------------------------------------


def test_after_a_failure_the_rest_of_the_batch_comes_again(api, queue, group):
    api.send_bodies(queue, 0, 1, 2, 3)
    a, b, c, d = api.consume(queue, group)
    answer = api.ack(queue, group, success(a), success(b), fail(c), success(d))
    assert accepted(answer, 200) == {"success": 2, "fail": 2}
    assert sorted(bodies(api.consume(queue, group))) == [2, 3]


def test_a_failure_in_first_place_fails_the_whole_batch(api, queue, group):
    api.send_bodies(queue, 0, 1)
    a, b = api.consume(queue, group)
    assert accepted(api.ack(queue, group, fail(a), success(b)), 200) == {"success": 0, "fail": 2}
    assert sorted(bodies(api.consume(queue, group))) == [0, 1]


def test_an_ack_without_a_status_is_a_success(api, queue, group):
    api.send_bodies(queue, "x")
    (delivery,) = api.consume(queue, group)
    answer = api.ack(queue, group, {"handler": delivery["handler"]})
    assert accepted(answer, 200) == {"success": 1, "fail": 0}


def test_a_forged_handler_anywhere_changes_nothing(api, queue, group):
    api.send_bodies(queue, "x")
    (delivery,) = api.consume(queue, group)
    refused(api.ack(queue, group, success(delivery), {"handler": "forged", "status": "success"}), 400, "DMS.10542209")
    assert api.settle(queue, group, [delivery]) == {"success": 1, "fail": 0}


def test_a_handler_given_twice_counts_once(api, queue, group):
    api.send_bodies(queue, "x")
    (delivery,) = api.consume(queue, group)
    assert accepted(api.ack(queue, group, success(delivery), success(delivery)), 200) == {"success": 1, "fail": 1}


# ---- FIFO ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def fifo(api) -> str:
    return api.create_queue("line", queue_mode="FIFO")


@pytest.fixture
def reader(api, fifo) -> str:
    return api.create_groups(fifo, "reader")[0]


def test_a_thousand_messages_arrive_in_the_order_of_their_sending(api, fifo, reader):
    for start in range(0, 1000, 10):
        api.send_bodies(fifo, *range(start, start + 10))
    received = []
    while len(received) < 1000:
        deliveries = api.consume(fifo, reader)
        assert deliveries
        received += bodies(deliveries)
        api.settle(fifo, reader, deliveries)
    assert received == list(range(1000))


def test_nothing_overtakes_an_unresolved_batch_of_its_group(api, fifo, reader):
    (other,) = api.create_groups(fifo, "other")
    api.send_bodies(fifo, 0, 1, 2)
    outstanding = api.consume(fifo, reader, max_msgs=2)
    assert api.consume(fifo, reader) == []
    assert bodies(api.consume(fifo, other)) == [0, 1, 2]
    api.settle(fifo, reader, outstanding)
    assert bodies(api.consume(fifo, reader)) == [2]


def test_after_a_failure_the_order_starts_again_at_the_failed_message(api, fifo, reader):
    api.send_bodies(fifo, 0, 1, 2, 3, 4)
    a, b, c, d = api.consume(fifo, reader, max_msgs=4)
    answer = api.ack(fifo, reader, success(a), fail(b), success(c), success(d))
    assert accepted(answer, 200) == {"success": 1, "fail": 3}
    assert bodies(api.consume(fifo, reader)) == [1, 2, 3, 4]


def test_a_waiting_consumer_wakes_when_the_batch_before_it_is_resolved(api, fifo, reader):
    api.send_bodies(fifo, 0, 1)
    outstanding = api.consume(fifo, reader, max_msgs=1)
    other = RawApi(api.origin, api.project)
    with waiting(lambda: other.consume(fifo, reader, time_wait=30)) as poll:
        started = time.monotonic()
        api.settle(fifo, reader, outstanding)
        assert bodies(poll.result()) == [1]
    assert time.monotonic() - started < 2


def test_only_a_prefix_of_the_batch_may_be_acknowledged(api, fifo, reader):
    api.send_bodies(fifo, 0, 1, 2)
    a, b, c = api.consume(fifo, reader)
    refused(api.ack(fifo, reader, success(b)), 400, "DMS.10540010")
    assert api.settle(fifo, reader, [a, b, c]) == {"success": 3, "fail": 0}
