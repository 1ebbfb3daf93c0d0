"""Consumer groups through otcextensions: create, list, find, delete."""

import uuid

import pytest
from openstack.exceptions import BadRequestException, NotFoundException, ResourceNotFound

GROUPS_PER_QUEUE = 3


def test_a_created_group_has_an_id_of_its_kind_and_its_name(dms, queue):
    created = dms.create_group(queue, "billing")
    assert created.id.startswith("g-")
    assert str(uuid.UUID(created.id.removeprefix("g-"))) == created.id.removeprefix("g-")
    assert created.name == "billing"


def test_a_refused_group_comes_back_without_an_id(dms, queue, group):
    """The client looks at no status here: all that shows the refusal is the missing id."""
    assert dms.create_group(queue, group.name).id is None
    assert [entry.id for entry in dms.groups(queue)] == [group.id]


def test_one_group_more_than_a_queue_may_have_is_not_created(dms, queue):
    for number in range(GROUPS_PER_QUEUE):
        assert dms.create_group(queue, f"reader-{number}").id
    assert dms.create_group(queue, "one-too-many").id is None
    assert len(list(dms.groups(queue))) == GROUPS_PER_QUEUE


def test_groups_are_listed_with_their_counters(dms, queue, group):
    dms.send_messages(queue, [{"body": "a"}, {"body": "b"}])
    (listed,) = dms.groups(queue)
    assert (listed.id, listed.name) == (group.id, "billing")
    assert (listed.produced_messages, listed.consumed_messages, listed.available_messages) == (2, 0, 2)
    assert (listed.produced_deadletters, listed.available_deadletters) == (None, None)


def test_dead_letter_counters_are_listed_when_asked_for(dms, queue, group):
    (listed,) = dms.groups(queue, include_deadletter=True)
    assert (listed.produced_deadletters, listed.available_deadletters) == (0, 0)


def test_groups_are_listed_in_pages_in_the_order_of_their_creation(dms, queue):
    for name in ("a", "b", "c"):
        dms.create_group(queue, name)
    pages = [[group.name for group in dms.groups(queue, page_size=2, current_page=page)] for page in (1, 2, 3)]
    assert pages == [["a", "b"], ["c"], []]


def test_half_a_page_request_lists_everything(dms, queue):
    for name in ("a", "b", "c"):
        dms.create_group(queue, name)
    assert len(list(dms.groups(queue, page_size=2))) == 3
    assert len(list(dms.groups(queue, current_page=2))) == 3


def test_a_group_is_found_by_name_and_by_id(dms, queue, group):
    assert dms.find_group(queue, "billing").id == group.id
    assert dms.find_group(queue, group.id).name == "billing"
    assert dms.find_group(queue, "missing", ignore_missing=True) is None
    with pytest.raises(ResourceNotFound):
        dms.find_group(queue, "missing")


def test_groups_of_an_unknown_queue_are_not_found(dms):
    with pytest.raises(NotFoundException, match="DMS.10240401"):
        list(dms.groups(str(uuid.uuid4())))


def test_a_deleted_group_is_gone_and_the_others_stay(dms, queue, group):
    other = dms.create_group(queue, "audit")
    dms.send_message(queue, body="kept")
    dms.delete_group(queue, dms.find_group(queue, "billing"))
    assert [entry.id for entry in dms.groups(queue)] == [other.id]
    assert [message.body for message in dms.consume_message(queue, other, time_wait=1)] == ["kept"]


def test_deleting_an_unknown_group_is_not_found_unless_that_is_ignored(dms, queue):
    missing = f"g-{uuid.uuid4()}"
    dms.delete_group(queue, missing)
    with pytest.raises(NotFoundException, match="DMS.10240405"):
        dms.delete_group(queue, missing, ignore_missing=False)


def test_deleting_by_a_malformed_id_is_a_bad_request(dms, queue):
    with pytest.raises(BadRequestException, match="DMS.10240016"):
        dms.delete_group(queue, "billing")
