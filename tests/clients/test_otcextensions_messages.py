"""Messages through otcextensions: send, the endless consume generator, acknowledge, redelivery."""

import time
import uuid

import pytest
from openstack.exceptions import BadRequestException, InvalidResourceQuery, NotFoundException

from waiting import waiting

BACKLOG = 25
BODIES = [
    "plain",
    "",
    'größer \u20ac \U0001f680 \u0000 "quoted"',
    {"sku": "A-17", "lines": [1, 2.5, {"deep": [None, True]}], "größe": {}},
    [1, [2, [3]]],
    17,
    False,
]
ATTRIBUTES = {"source": "web", "count": 1, "urgent": False, "nested": {"a": [1, None]}, " spaced ": "  kept  "}
WAIT = {"time_wait": 1, "ack_wait": 15}


def consume(dms, queue, group, **query):
    """All that the generator yields until the broker has nothing more."""
    return list(dms.consume_message(queue, group, **{**WAIT, **query}))


def fill(dms, queue, count):
    """Sends `0`…`count - 1` in batches of ten and returns those bodies."""
    numbers = list(range(count))
    for start in range(0, count, 10):
        dms.send_messages(queue, [{"body": number} for number in numbers[start : start + 10]])
    return numbers


@pytest.fixture
def answers(dms, monkeypatch):
    """The JSON of every GET that the client makes, in order."""
    seen = []
    get = dms.get

    def watched(*args, **kwargs):
        response = get(*args, **kwargs)
        seen.append(response.json())
        return response

    monkeypatch.setattr(dms, "get", watched)
    return seen


# ---- send ------------------------------------------------------------------------------------------------------------


def test_a_single_message_is_sent_and_its_id_returned(dms, queue):
    sent = dms.send_message(queue, body="hello")
    assert (sent.state, sent.error, sent.error_code) == (0, None, None)
    assert sent.id


def test_a_batch_is_sent_with_ids_only_when_asked_for(dms, queue):
    batch = [{"body": "a"}, {"body": "b"}]
    without = dms.send_messages(queue, batch).messages
    assert [(message.state, message.id) for message in without] == [(0, None), (0, None)]
    ids = [message.id for message in dms.send_messages(queue, batch, return_id=True).messages]
    assert len(set(ids)) == 2
    assert None not in ids


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_a_body_comes_back_as_the_same_json_value(dms, queue, group, body):
    dms.send_message(queue, body=body)
    (message,) = consume(dms, queue, group)
    assert message.body == body
    assert type(message.body) is type(body)


def test_attributes_of_any_json_type_come_back_as_they_were_sent(dms, queue, group):
    dms.send_message(queue, body="x", attributes=ATTRIBUTES)
    (message,) = consume(dms, queue, group)
    assert message.attributes == ATTRIBUTES


def test_absent_attributes_come_back_as_an_empty_object(dms, queue, group):
    dms.send_message(queue, body="x")
    (message,) = consume(dms, queue, group)
    assert message.attributes == {}


@pytest.mark.parametrize(
    "messages", [[], [{"body": 0}] * 11, [{"body": 0}, {"attributes": {}}]], ids=["0", "11", "bodiless"]
)
def test_a_batch_outside_the_rules_is_a_bad_request_and_nothing_is_stored(dms, queue, group, messages):
    with pytest.raises(BadRequestException):
        dms.send_messages(queue, messages)
    assert consume(dms, queue, group) == []


def test_sending_to_an_unknown_or_deleted_queue_is_not_found(dms, queue):
    with pytest.raises(NotFoundException, match="DMS.10240401"):
        dms.send_message(str(uuid.uuid4()), body="x")
    dms.delete_queue(queue)
    with pytest.raises(NotFoundException, match="DMS.10240401"):
        dms.send_message(queue, body="x")


# ---- consume ---------------------------------------------------------------------------------------------------------


def test_the_generator_yields_a_backlog_once_and_ends_with_an_empty_answer(dms, queue, group, answers):
    sent = fill(dms, queue, BACKLOG)
    received = consume(dms, queue, group, max_msgs=10)
    assert sorted(message.body for message in received) == sent
    assert len({message.id for message in received}) == BACKLOG
    assert answers[-1] == []
    assert [] not in answers[:-1]
    assert all(len(answer) <= 10 for answer in answers)


@pytest.mark.parametrize("mode", ["NORMAL", "FIFO", "KAFKA_HA", "KAFKA_HT"])
def test_acknowledging_inside_the_loop_consumes_a_backlog_of_every_mode(dms, mode):
    queue = dms.create_queue(name="orders", queue_mode=mode)
    group = dms.create_group(queue, "billing")
    sent = fill(dms, queue, BACKLOG)
    received = []
    for message in dms.consume_message(queue, group, max_msgs=10, **WAIT):
        dms.ack_message(queue, group, [message.id])
        received.append(message.body)
    if mode == "FIFO":
        assert received == sent
    assert sorted(received) == sent
    (counters,) = dms.groups(queue)
    assert (counters.consumed_messages, counters.available_messages) == (BACKLOG, 0)


def test_on_a_fifo_queue_the_generator_ends_after_the_first_unresolved_batch(dms, answers):
    queue = dms.create_queue(name="orders", queue_mode="FIFO")
    group = dms.create_group(queue, "billing")
    sent = fill(dms, queue, BACKLOG)
    assert [message.body for message in consume(dms, queue, group, max_msgs=10)] == sent[:10]
    assert answers[-1] == []


def test_an_empty_queue_is_waited_on_for_the_time_asked(dms, queue, group):
    started = time.monotonic()
    assert consume(dms, queue, group, time_wait=2) == []
    assert 1.8 <= time.monotonic() - started <= 3.5


def test_a_send_wakes_a_waiting_consumer_at_once(dms, queue, group, api):
    with waiting(lambda: next(dms.consume_message(queue, group, time_wait=20))) as poll:
        started = time.monotonic()
        api.send_bodies(queue.id, "wake up")
        assert poll.result().body == "wake up"
    assert time.monotonic() - started < 1


def test_every_group_receives_every_message_and_consumers_of_one_share_none(dms, queue, group):
    other = dms.create_group(queue, "audit")
    sent = fill(dms, queue, 10)
    first = next(dms.consume_message(queue, group, max_msgs=1, **WAIT))
    rest = consume(dms, queue, group)
    assert sorted([first.body, *(message.body for message in rest)]) == sent
    assert sorted(message.body for message in consume(dms, queue, other)) == sent


def test_a_group_created_after_the_send_starts_at_the_first_message(dms, queue):
    sent = fill(dms, queue, 3)
    late = dms.create_group(queue, "late")
    assert sorted(message.body for message in consume(dms, queue, late)) == sent


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        ({"max_msgs": 0}, "DMS.10240014"),
        ({"max_msgs": 11}, "DMS.10240014"),
        ({"time_wait": 0}, "DMS.10240021"),
        ({"time_wait": 61}, "DMS.10240021"),
        ({"ack_wait": 14}, "DMS.10542206"),
        ({"ack_wait": 301}, "DMS.10542206"),
    ],
    ids=str,
)
def test_consume_parameters_outside_their_range_are_bad_requests(dms, queue, group, parameter, code):
    with pytest.raises(BadRequestException, match=code):
        consume(dms, queue, group, **parameter)


def test_a_label_filter_is_refused_by_this_client_itself(dms, queue, group):
    with pytest.raises(InvalidResourceQuery):
        consume(dms, queue, group, tag="red")


def test_consuming_from_an_unknown_queue_or_group_is_not_found(dms, queue, group):
    with pytest.raises(NotFoundException, match="DMS.10240405"):
        consume(dms, queue, f"g-{uuid.uuid4()}")
    with pytest.raises(NotFoundException, match="DMS.10240401"):
        consume(dms, str(uuid.uuid4()), group)


# ---- acknowledge -----------------------------------------------------------------------------------------------------


def test_an_acknowledged_batch_never_comes_back_to_its_group(dms, queue, group):
    other = dms.create_group(queue, "audit")
    fill(dms, queue, 5)
    received = consume(dms, queue, group)
    dms.ack_message(queue, group, [message.id for message in received])
    assert consume(dms, queue, group) == []
    counters = {entry.id: entry for entry in dms.groups(queue)}
    assert counters[group.id].consumed_messages == 5
    assert counters[other.id].consumed_messages == 0
    assert len(consume(dms, queue, other)) == 5


def test_a_batch_may_be_acknowledged_in_any_order_and_in_parts(dms, queue, group):
    fill(dms, queue, 6)
    ids = [message.id for message in consume(dms, queue, group)]
    dms.ack_message(queue, group, [ids[4], ids[1], ids[3]])
    dms.ack_message(queue, group, [ids[5], ids[0], ids[2]])
    (counters,) = dms.groups(queue)
    assert (counters.consumed_messages, counters.available_messages) == (6, 0)


def test_a_failed_message_comes_back_at_once(dms, queue, group):
    dms.send_message(queue, body="try again")
    (message,) = consume(dms, queue, group)
    dms.ack_message(queue, group, [message.id], status="fail")
    (again,) = consume(dms, queue, group)
    assert again.body == "try again"
    assert again.id != message.id


def test_an_unacknowledged_message_comes_back_after_ack_wait_and_not_before(dms, queue, group):
    other = dms.create_group(queue, "audit")
    dms.send_message(queue, body="slow")
    (first,) = consume(dms, queue, group)
    started = time.monotonic() - WAIT["time_wait"]  # the generator's last, empty answer took this long
    assert [message.body for message in consume(dms, queue, other)] == ["slow"]
    again = next(dms.consume_message(queue, group, time_wait=30, ack_wait=15))
    assert again.body == "slow"
    assert 13 <= time.monotonic() - started <= 20
    with pytest.raises(BadRequestException, match="DMS.10542209"):
        dms.ack_message(queue, group, [first.id])
    dms.ack_message(queue, group, [again.id])


def test_the_same_handler_is_acknowledged_only_once(dms, queue, group):
    dms.send_message(queue, body="x")
    (message,) = consume(dms, queue, group)
    dms.ack_message(queue, group, [message.id])
    with pytest.raises(BadRequestException, match="DMS.10542209"):
        dms.ack_message(queue, group, [message.id])


@pytest.mark.parametrize("status", ["failure", "SUCCESS", 1], ids=repr)
def test_a_status_other_than_success_or_fail_is_a_bad_request(dms, queue, group, status):
    dms.send_message(queue, body="x")
    (message,) = consume(dms, queue, group)
    with pytest.raises(BadRequestException, match="DMS.10540003"):
        dms.ack_message(queue, group, [message.id], status=status)
    dms.ack_message(queue, group, [message.id])


def test_message_objects_in_place_of_ids_are_a_bad_request(dms, queue, group):
    dms.send_message(queue, body="x")
    (message,) = consume(dms, queue, group)
    with pytest.raises(BadRequestException):
        dms.ack_message(queue, group, [message])
    dms.ack_message(queue, group, [message.id])


def test_a_forged_or_truncated_handler_is_a_bad_request(dms, queue, group):
    dms.send_message(queue, body="x")
    (message,) = consume(dms, queue, group)
    for handler in ("forged", message.id[:-4], message.id[:-1] + ("A" if message.id[-1] != "A" else "B")):
        with pytest.raises(BadRequestException, match="DMS.10542209"):
            dms.ack_message(queue, group, [handler])
    dms.ack_message(queue, group, [message.id])


def test_a_handler_of_another_group_or_queue_is_a_bad_request(dms, queue, group):
    other = dms.create_group(queue, "audit")
    elsewhere = dms.create_queue(name="returns")
    group_elsewhere = dms.create_group(elsewhere, "billing")
    dms.send_message(queue, body="x")
    (message,) = consume(dms, queue, group)
    with pytest.raises(BadRequestException, match="DMS.10540004"):
        dms.ack_message(queue, other, [message.id])
    with pytest.raises(BadRequestException, match="DMS.10540004"):
        dms.ack_message(elsewhere, group_elsewhere, [message.id])
    dms.ack_message(queue, group, [message.id])
