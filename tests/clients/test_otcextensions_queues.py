"""Queues through otcextensions: create, list, read, find, delete, and what is refused."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from openstack.exceptions import BadRequestException, NotFoundException

from raw_api import RawApi, accepted

MODES = ["NORMAL", "FIFO", "KAFKA_HA", "KAFKA_HT"]
QUEUES_PER_PROJECT = 30


def check_refused(dms, code, **attrs):
    with pytest.raises(BadRequestException, match=code):
        dms.create_queue(**attrs)
    assert list(dms.queues()) == []


def test_a_queue_created_with_only_a_name_is_a_normal_queue(dms):
    created = dms.create_queue(name="orders")
    assert str(uuid.UUID(created.id)) == created.id
    assert created.name == "orders"
    assert dms.get_queue(created.id).queue_mode == "NORMAL"


@pytest.mark.parametrize("mode", MODES)
def test_a_queue_of_each_mode_reads_back_with_its_mode(dms, mode):
    created = dms.create_queue(name="orders", queue_mode=mode)
    assert dms.get_queue(created).queue_mode == mode


def test_a_mode_in_lower_case_is_stored_in_upper_case(dms):
    created = dms.create_queue(name="orders", queue_mode="fifo")
    assert dms.get_queue(created.id).queue_mode == "FIFO"


def test_an_unknown_mode_is_refused(dms):
    check_refused(dms, "DMS", name="orders", queue_mode="LIFO")


@pytest.mark.parametrize("name", ["o", "o" * 64, "Orders-2024_eu"])
def test_names_within_the_rules_are_accepted(dms, name):
    dms.create_queue(name=name)
    assert [queue.name for queue in dms.queues()] == [name]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "DMS.10240011"),
        ("o" * 65, "DMS.10240011"),
        ("a.b", "DMS.10240007"),
        ("a b", "DMS.10240007"),
        ("größe", "DMS.10240007"),
    ],
)
def test_names_outside_the_rules_are_refused(dms, name, code):
    check_refused(dms, code, name=name)


@pytest.mark.parametrize("description", ["d" * 160, ""])
def test_a_description_reads_back_as_it_was_sent(dms, description):
    created = dms.create_queue(name="orders", description=description)
    assert dms.get_queue(created.id).description == description


def test_a_description_never_given_reads_back_as_none(dms, queue):
    assert dms.get_queue(queue.id).description is None


@pytest.mark.parametrize(
    ("description", "code"), [("d" * 161, "DMS.10240013"), ("a<b", "DMS.10240010"), ("a>b", "DMS.10240010")]
)
def test_descriptions_outside_the_rules_are_refused(dms, description, code):
    check_refused(dms, code, name="orders", description=description)


@pytest.mark.parametrize("count", [1, 100])
def test_a_redrive_policy_reads_back_when_dead_letters_are_asked_for(dms, count):
    dms.create_queue(name="orders", redrive_policy="enable", max_consume_count=count)
    (listed,) = dms.queues(include_deadletter=True)
    assert (listed.redrive_policy, listed.max_consume_count) == ("enable", count)
    (listed,) = dms.queues(include_deadletter=False)
    assert (listed.redrive_policy, listed.max_consume_count) == (None, None)


@pytest.mark.parametrize("count", [0, 101])
def test_a_max_consume_count_outside_its_range_is_refused(dms, count):
    check_refused(dms, "DMS.10240022", name="orders", redrive_policy="enable", max_consume_count=count)


def test_a_redrive_policy_without_a_count_is_refused(dms):
    check_refused(dms, "DMS", name="orders", redrive_policy="enable")


@pytest.mark.parametrize("hours", [0, 73])
def test_retention_hours_outside_their_range_are_refused(dms, hours):
    check_refused(dms, "DMS.10240027", name="orders", queue_mode="KAFKA_HA", retention_hours=hours)


@pytest.mark.parametrize("mode", ["NORMAL", "FIFO"])
def test_retention_hours_are_refused_on_queues_without_kafka(dms, mode):
    check_refused(dms, "DMS.10240028", name="orders", queue_mode=mode, retention_hours=24)


def test_a_name_already_taken_is_a_bad_request(dms, queue):
    with pytest.raises(BadRequestException, match="DMS.10240017"):
        dms.create_queue(name=queue.name)


def test_of_many_concurrent_creates_of_one_name_exactly_one_wins(api):
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda _: api.under("/v1.0").post("/queues", {"name": "orders"}), range(8))
        statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [400] * 7
    assert accepted(api.get("/queues"), 200)["total"] == 1


def test_the_quota_of_queues_is_enforced_and_a_deleted_queue_frees_it(dms):
    queues = [dms.create_queue(name=f"orders-{number}") for number in range(QUEUES_PER_PROJECT)]
    with pytest.raises(BadRequestException, match="DMS.10240020"):
        dms.create_queue(name="one-too-many")
    dms.delete_queue(queues[0])
    dms.create_queue(name="fits-again")


def test_queues_are_listed_with_their_creation_time_in_milliseconds(dms):
    before = time.time() * 1000
    for name in ("first", "second"):
        dms.create_queue(name=name)
    queues = list(dms.queues())
    assert {queue.name for queue in queues} == {"first", "second"}
    for queue in queues:
        assert isinstance(queue.created, int)
        assert before - 1000 <= queue.created <= time.time() * 1000 + 1000


def test_message_counts_may_be_asked_for_in_the_list(dms, queue):
    assert [entry.id for entry in dms.queues(include_messages_num=True)] == [queue.id]


def test_reading_an_unknown_queue_is_not_found(dms):
    with pytest.raises(NotFoundException, match="DMS.10240401"):
        dms.get_queue(str(uuid.uuid4()))


def test_reading_by_a_malformed_id_is_a_bad_request(dms):
    with pytest.raises(BadRequestException, match="DMS.10240015"):
        dms.get_queue("orders")


def test_a_queue_is_found_by_name_and_by_id(dms, queue):
    assert dms.find_queue("orders").id == queue.id
    assert dms.find_queue(queue.id).name == "orders"
    assert dms.find_queue("missing") is None


def test_a_queue_named_like_the_id_of_another_confuses_nobody(dms, queue):
    namesake = dms.create_queue(name=queue.id)
    assert dms.find_queue(queue.id).name == "orders"
    assert dms.find_queue(namesake.id).name == queue.id


def test_a_deleted_queue_is_gone_and_its_name_is_free_at_once(dms, queue):
    dms.delete_queue(queue)
    assert list(dms.queues()) == []
    with pytest.raises(NotFoundException):
        dms.delete_queue(queue, ignore_missing=False)
    dms.delete_queue(queue, ignore_missing=True)
    again = dms.create_queue(name="orders")
    assert again.id != queue.id


def test_deleting_by_a_malformed_id_is_a_bad_request_and_never_taken_for_missing(dms):
    with pytest.raises(BadRequestException, match="DMS.10240015"):
        dms.delete_queue("orders", ignore_missing=True)


def test_queues_of_another_project_are_out_of_sight(dms, queue, api):
    stranger = RawApi(api.origin, uuid.uuid4().hex)
    assert accepted(stranger.get("/queues"), 200) == {"total": 0, "queues": []}
    assert stranger.get(f"/queues/{queue.id}").status_code == 404
