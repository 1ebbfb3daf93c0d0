"""Dead letters: counters through otcextensions, the calls its proxy lacks through the proxy's own session."""

import pytest
from openstack import exceptions
from openstack.exceptions import BadRequestException

FAILURES_MAX = 2
WAIT = {"time_wait": 1, "ack_wait": 15}


@pytest.fixture(params=["NORMAL", "FIFO"])
def queue(dms, request):
    return dms.create_queue(
        name="orders", queue_mode=request.param, redrive_policy="enable", max_consume_count=FAILURES_MAX
    )


def path(queue, group, tail=""):
    return f"/queues/{queue.id}/groups/{group.id}/deadletters{tail}"


def take(dms, queue, group):
    """One batch; unlike the client's generator, it makes one call."""
    answer = dms.get(f"/queues/{queue.id}/groups/{group.id}/messages", params=WAIT)
    exceptions.raise_from_response(answer)
    return answer.json()


def take_dead_letters(dms, queue, group, **params):
    answer = dms.get(path(queue, group), params={**WAIT, **params})
    exceptions.raise_from_response(answer)
    return answer.json()


def ack_dead_letters(dms, queue, group, *handlers, status="success"):
    entries = [{"handler": handler, "status": status} for handler in handlers]
    answer = dms.post(path(queue, group, "/ack"), json={"message": entries})
    exceptions.raise_from_response(answer)
    return answer.json()


def fail_until_dead(dms, queue, group):
    """Fails the next message as often as it takes; one failure less must not be enough."""
    produced, _ = dead_letter_counters(dms, queue, group)
    for _ in range(FAILURES_MAX):
        assert dead_letter_counters(dms, queue, group)[0] == produced
        delivery = take(dms, queue, group)[0]
        dms.ack_message(queue, group, [delivery["handler"]], status="fail")


def dead_letter_counters(dms, queue, group):
    (listed,) = (entry for entry in dms.groups(queue, include_deadletter=True) if entry.id == group.id)
    return (listed.produced_deadletters, listed.available_deadletters)


def test_a_message_that_fails_too_often_moves_to_the_dead_letters_unchanged(dms, queue, group):
    dms.send_message(queue, body={"poison": True}, attributes={"source": "web"})
    fail_until_dead(dms, queue, group)
    assert take(dms, queue, group) == []
    (dead,) = take_dead_letters(dms, queue, group)
    assert dead["message"]["body"] == {"poison": True}
    assert dead["message"]["attributes"] == {"source": "web"}


def test_a_dead_letter_belongs_to_the_group_that_failed_only(dms, queue, group):
    other = dms.create_group(queue, "audit")
    dms.send_message(queue, body="poison")
    fail_until_dead(dms, queue, group)
    assert take_dead_letters(dms, queue, other) == []
    assert [delivery["message"]["body"] for delivery in take(dms, queue, other)] == ["poison"]


def test_dead_letter_counters_follow_the_life_of_a_dead_letter(dms, queue, group):
    dms.send_message(queue, body="poison")
    assert dead_letter_counters(dms, queue, group) == (0, 0)
    fail_until_dead(dms, queue, group)
    assert dead_letter_counters(dms, queue, group) == (1, 1)
    (dead,) = take_dead_letters(dms, queue, group)
    assert ack_dead_letters(dms, queue, group, dead["handler"]) == {"success": 1, "fail": 0}
    assert dead_letter_counters(dms, queue, group) == (1, 0)
    assert take_dead_letters(dms, queue, group) == []


def test_a_failed_dead_letter_can_be_consumed_again(dms, queue, group):
    dms.send_message(queue, body="poison")
    fail_until_dead(dms, queue, group)
    for _ in range(FAILURES_MAX + 1):
        (dead,) = take_dead_letters(dms, queue, group)
        assert ack_dead_letters(dms, queue, group, dead["handler"], status="fail") == {"success": 0, "fail": 1}


def test_a_poison_message_unblocks_the_ones_behind_it(dms, queue, group):
    dms.send_message(queue, body="poison")
    fail_until_dead(dms, queue, group)
    dms.send_message(queue, body="behind")
    assert [delivery["message"]["body"] for delivery in take(dms, queue, group)] == ["behind"]


def test_dead_letters_are_limited_and_kept_in_order(dms, queue, group):
    for body in ("a", "b", "c"):
        dms.send_message(queue, body=body)
        fail_until_dead(dms, queue, group)
    first = take_dead_letters(dms, queue, group, max_msgs=2)
    assert [dead["message"]["body"] for dead in first] == ["a", "b"]
    ack_dead_letters(dms, queue, group, *(dead["handler"] for dead in first))
    assert [dead["message"]["body"] for dead in take_dead_letters(dms, queue, group)] == ["c"]


def test_handlers_of_messages_and_of_dead_letters_do_not_mix(dms, queue, group):
    dms.send_message(queue, body="poison")
    fail_until_dead(dms, queue, group)
    dms.send_message(queue, body="sound")
    (dead,) = take_dead_letters(dms, queue, group)
    (sound,) = take(dms, queue, group)
    with pytest.raises(BadRequestException, match="DMS.10542205"):
        ack_dead_letters(dms, queue, group, sound["handler"])
    with pytest.raises(BadRequestException, match="DMS.10542205"):
        dms.ack_message(queue, group, [dead["handler"]])
    ack_dead_letters(dms, queue, group, dead["handler"])
    dms.ack_message(queue, group, [sound["handler"]])


@pytest.mark.parametrize(
    ("parameter", "code"),
    [({"max_msgs": 11}, "DMS.10240014"), ({"time_wait": 61}, "DMS.10240021"), ({"ack_wait": 14}, "DMS.10542206")],
    ids=str,
)
def test_dead_letter_parameters_have_the_ranges_of_consume(dms, queue, group, parameter, code):
    with pytest.raises(BadRequestException, match=code):
        take_dead_letters(dms, queue, group, **parameter)


def test_deleting_the_group_deletes_its_dead_letters(dms, queue, group):
    dms.send_message(queue, body="poison")
    fail_until_dead(dms, queue, group)
    dms.delete_group(queue, group)
    again = dms.create_group(queue, "billing")
    assert dead_letter_counters(dms, queue, again) == (0, 0)
    assert take_dead_letters(dms, queue, again) == []


def test_without_a_redrive_policy_a_failing_message_keeps_coming_back(dms):
    queue = dms.create_queue(name="patient")
    group = dms.create_group(queue, "billing")
    dms.send_message(queue, body="again")
    for _ in range(FAILURES_MAX + 2):
        (delivery,) = take(dms, queue, group)
        dms.ack_message(queue, group, [delivery["handler"]], status="fail")
    assert take_dead_letters(dms, queue, group) == []


def test_a_kafka_queue_has_no_dead_letters(dms):
    queue = dms.create_queue(name="stream", queue_mode="KAFKA_HA")
    group = dms.create_group(queue, "billing")
    with pytest.raises(BadRequestException, match="DMS.10540010"):
        take_dead_letters(dms, queue, group)
