"""Every operation of huaweicloudsdkdms: requests under /v2 that are signed with a key of the broker, whose signatures it
checks; answers of the types its models declare."""

import time
import uuid
from contextlib import contextmanager

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdms import v2

from clients import connect_huawei

MODES = ["NORMAL", "FIFO", "KAFKA_HA", "KAFKA_HT"]
STANDARD_RETENTION_MINUTES = 72 * 60


def create_queue(huawei, name="orders", **attrs):
    return huawei.create_queue(v2.CreateQueueRequest(body=v2.CreateQueueReq(name=name, **attrs)))


def create_groups(huawei, queue_id, *names):
    body = v2.CreateConsumerGroupReq(groups=[v2.GroupEntity(name=name) for name in names])
    return huawei.create_consumer_group(v2.CreateConsumerGroupRequest(queue_id=queue_id, body=body)).groups


def send(huawei, queue_id, *messages, **options):
    body = v2.SendMessagesReq(messages=list(messages), **options)
    return huawei.send_messages(v2.SendMessagesRequest(queue_id=queue_id, body=body)).messages


def send_labelled(huawei, queue_id, **labels_by_body):
    for body, labels in labels_by_body.items():
        send(huawei, queue_id, v2.SendMessageEntity(body=body, tags=labels))


def consume(huawei, queue_id, group_id, **query):
    request = v2.ConsumeMessagesRequest(
        queue_id=queue_id, consumer_group_id=group_id, **{"time_wait": 1, "ack_wait": 15, **query}
    )
    return huawei.consume_messages(request).body or []


def consume_dead_letters(huawei, queue_id, group_id, **query):
    request = v2.ConsumeDeadlettersMessageRequest(
        queue_id=queue_id, consumer_group_id=group_id, **{"time_wait": 1, "ack_wait": 15, **query}
    )
    return huawei.consume_deadletters_message(request).body or []


def entries(deliveries, status="success"):
    return [v2.ConfirmMessageEntity(handler=delivery.handler, status=status) for delivery in deliveries]


def ack(huawei, queue_id, group_id, message):
    body = v2.ConfirmConsumptionMessagesReq(message=message)
    request = v2.ConfirmConsumptionMessagesRequest(queue_id=queue_id, consumer_group_id=group_id, body=body)
    answer = huawei.confirm_consumption_messages(request)
    return (answer.success, answer.fail)


def ack_dead_letters(huawei, queue_id, group_id, message):
    body = v2.ConfirmDeadLettersMessagesReq(message=message)
    request = v2.ConfirmDeadLettersMessagesRequest(queue_id=queue_id, consumer_group_id=group_id, body=body)
    answer = huawei.confirm_dead_letters_messages(request)
    return (answer.success, answer.fail)


def change_tags(huawei, queue_id, action, *tags):
    body = v2.BatchCreateOrDeleteTagReq(
        action=action, tags=[v2.BatchCreateOrDeleteTagReqTags(key=key, value=value) for key, value in tags]
    )
    huawei.batch_create_or_delete_queue_tag(v2.BatchCreateOrDeleteQueueTagRequest(queue_id=queue_id, body=body))


def tags_of(huawei, queue_id):
    return {tag.key: tag.value for tag in huawei.show_queue_tags(v2.ShowQueueTagsRequest(queue_id=queue_id)).tags}


@contextmanager
def refused(status, code):
    """One call in this context must fail with this status and code, and name its request."""
    with pytest.raises(ClientRequestException) as caught:
        yield
    error = caught.value
    assert (error.status_code, error.error_code) == (status, code), error
    assert error.error_msg
    assert error.request_id


@pytest.fixture(scope="module")
def key(cloud) -> tuple[str, str]:
    return cloud.new_key("carol")


@pytest.fixture
def project(cloud) -> str:
    return cloud.new_project(uuid.uuid4().hex, member="carol")


@pytest.fixture
def huawei(cloud, project, key) -> v2.DmsClient:
    return connect_huawei(cloud.broker, project, key)


@pytest.fixture
def queue_id(huawei) -> str:
    return create_queue(huawei).id


@pytest.fixture
def group_id(huawei, queue_id) -> str:
    return create_groups(huawei, queue_id, "billing")[0].id


# ---- queues ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_queue_of_each_mode_is_created_and_shown(huawei, project, mode):
    created = create_queue(huawei, queue_mode=mode)
    assert created.name == "orders"
    topic = f"k-{project}-{created.id}" if mode.startswith("KAFKA") else None
    assert created.kafka_topic == topic

    shown = huawei.show_queue(v2.ShowQueueRequest(queue_id=created.id))
    assert (shown.id, shown.name, shown.queue_mode, shown.kafka_topic) == (created.id, "orders", mode, topic)
    assert (shown.produced_messages, shown.group_count) == (0, 0)
    assert shown.max_msg_size_byte == 524288
    assert shown.created == shown.eff_date
    assert abs(shown.created - time.time() * 1000) < 60_000


def test_retention_is_reported_in_minutes(huawei):
    retained = create_queue(huawei, "stream", queue_mode="KAFKA_HT", retention_hours=5)
    assert huawei.show_queue(v2.ShowQueueRequest(queue_id=retained.id)).reservation == 300
    standard = create_queue(huawei, "orders")
    shown = huawei.show_queue(v2.ShowQueueRequest(queue_id=standard.id))
    assert shown.reservation == STANDARD_RETENTION_MINUTES


def test_queues_are_listed_with_and_without_their_redrive_policy(huawei):
    created = create_queue(huawei, redrive_policy="enable", max_consume_count=3, description="incoming")
    plain = huawei.list_queues(v2.ListQueuesRequest())
    assert plain.total == 1
    (listed,) = plain.queues
    assert (listed.id, listed.description, listed.redrive_policy) == (created.id, "incoming", None)
    (listed,) = huawei.list_queues(v2.ListQueuesRequest(include_deadletter=True)).queues
    assert (listed.redrive_policy, listed.max_consume_count) == ("enable", 3)
    shown = huawei.show_queue(v2.ShowQueueRequest(queue_id=created.id, include_deadletter=True))
    assert (shown.redrive_policy, shown.max_consume_count) == ("enable", 3)


def test_a_queue_is_deleted(huawei, queue_id):
    huawei.delete_queue(v2.DeleteQueueRequest(queue_id=queue_id))
    assert huawei.list_queues(v2.ListQueuesRequest()).total == 0
    with refused(404, "DMS.10240401"):
        huawei.delete_queue(v2.DeleteQueueRequest(queue_id=queue_id))


def test_a_refusal_reaches_the_client_as_status_code_text_and_request_id(huawei, queue_id):
    with refused(400, "DMS.10240017"):
        create_queue(huawei)


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_groups_are_created_at_once_in_order_and_listed(huawei, queue_id):
    created = create_groups(huawei, queue_id, "a", "b", "c")
    assert [group.name for group in created] == ["a", "b", "c"]
    assert all(group.id.startswith("g-") for group in created)
    listed = huawei.list_consumer_groups(v2.ListConsumerGroupsRequest(queue_id=queue_id))
    assert (listed.queue_id, listed.queue_name, listed.redrive_policy) == (queue_id, "orders", None)
    assert [group.id for group in listed.groups] == [group.id for group in created]
    assert [group.available_messages for group in listed.groups] == [0, 0, 0]


def test_groups_are_listed_by_page_with_dead_letters_and_without_counts(huawei, queue_id):
    create_groups(huawei, queue_id, "a", "b", "c")
    send(huawei, queue_id, v2.SendMessageEntity(body="x"))
    page = huawei.list_consumer_groups(
        v2.ListConsumerGroupsRequest(
            queue_id=queue_id, include_deadletter=True, include_messages_num=False, page_size=2, current_page=2
        )
    )
    (group,) = page.groups
    assert (group.name, group.produced_messages, group.available_messages) == ("c", 0, 0)
    assert (group.produced_deadletters, group.available_deadletters) == (0, 0)
    assert page.redrive_policy == "disable"


def test_a_group_is_deleted(huawei, queue_id, group_id):
    request = v2.DeleteSpecifiedConsumerGroupRequest(queue_id=queue_id, group_id=group_id)
    huawei.delete_specified_consumer_group(request)
    assert huawei.list_consumer_groups(v2.ListConsumerGroupsRequest(queue_id=queue_id)).groups == []
    with refused(404, "DMS.10240405"):
        huawei.delete_specified_consumer_group(request)


def test_a_fourth_group_is_refused_and_none_of_its_request_is_created(huawei, queue_id):
    create_groups(huawei, queue_id, "a", "b")
    with refused(400, "DMS.10240019"):
        create_groups(huawei, queue_id, "c", "d")
    assert len(huawei.list_consumer_groups(v2.ListConsumerGroupsRequest(queue_id=queue_id)).groups) == 2


# ---- messages --------------------------------------------------------------------------------------------------------


def test_messages_are_sent_consumed_and_confirmed(huawei, queue_id, group_id):
    sent = send(
        huawei,
        queue_id,
        v2.SendMessageEntity(body={"sku": "A-17"}, attributes={"source": "web", "count": 1}),
        v2.SendMessageEntity(body="plain"),
    )
    assert [(message.state, message.error, message.error_code, message.id) for message in sent] == [
        (0, None, None, None)
    ] * 2
    deliveries = consume(huawei, queue_id, group_id)
    assert [delivery.message.body for delivery in deliveries] == [{"sku": "A-17"}, "plain"]
    assert deliveries[0].message.attributes == {"source": "web", "count": 1}
    assert ack(huawei, queue_id, group_id, entries(deliveries)) == (2, 0)
    assert consume(huawei, queue_id, group_id) == []


def test_ids_are_returned_when_asked_for(huawei, queue_id):
    messages = [v2.SendMessageEntity(body=number) for number in range(10)]
    ids = [message.id for message in send(huawei, queue_id, *messages, return_id=True)]
    assert len(set(ids)) == 10
    assert None not in ids


def test_an_empty_answer_parses(huawei, queue_id, group_id):
    request = v2.ConsumeMessagesRequest(queue_id=queue_id, consumer_group_id=group_id, time_wait=1)
    answer = huawei.consume_messages(request)
    assert answer.status_code == 200
    assert not answer.body


def test_a_delayed_message_stays_out_of_sight_until_it_is_due(huawei, queue_id, group_id):
    started = time.monotonic()
    send(huawei, queue_id, v2.SendMessageEntity(body="later", delay_time=2000), v2.SendMessageEntity(body="now"))
    assert [delivery.message.body for delivery in consume(huawei, queue_id, group_id)] == ["now"]
    (delivery,) = consume(huawei, queue_id, group_id, time_wait=10)
    assert delivery.message.body == "later"
    assert 1.9 <= time.monotonic() - started <= 4


@pytest.mark.parametrize("delay", [604_800_001, -1])
def test_a_delay_outside_its_range_is_refused(huawei, queue_id, delay):
    with pytest.raises(ClientRequestException) as caught:
        send(huawei, queue_id, v2.SendMessageEntity(body="x", delay_time=delay))
    assert caught.value.status_code == 400


def test_a_delay_is_refused_on_a_kafka_queue(huawei):
    stream = create_queue(huawei, queue_mode="KAFKA_HA").id
    with refused(400, "DMS.10540010"):
        send(huawei, stream, v2.SendMessageEntity(body="x", delay_time=1000))


def test_labels_come_back_as_a_list(huawei, queue_id, group_id):
    send_labelled(huawei, queue_id, three=["red", "green", "blue"], none=None)
    three, none = consume(huawei, queue_id, group_id)
    assert three.message.tags == ["red", "green", "blue"]
    assert not none.message.tags


def test_a_label_filter_delivers_only_what_carries_the_label(huawei, queue_id, group_id):
    send_labelled(huawei, queue_id, a=["red"], b=["green"], c=["red", "green"])
    deliveries = consume(huawei, queue_id, group_id, tag="red")
    assert [delivery.message.body for delivery in deliveries] == ["a", "c"]


def test_a_group_is_bound_to_its_first_label_filter(huawei, queue_id, group_id):
    send_labelled(huawei, queue_id, a=["red"])
    consume(huawei, queue_id, group_id, tag="red", tag_type="and")
    with refused(400, "DMS.10542204"):
        consume(huawei, queue_id, group_id, tag="green", tag_type="and")
    with refused(400, "DMS.10550035"):
        consume(huawei, queue_id, group_id, tag="red", tag_type="xor")


def test_a_failure_in_the_middle_confirms_what_came_before_it(huawei, queue_id, group_id):
    send(huawei, queue_id, *(v2.SendMessageEntity(body=number) for number in range(4)))
    deliveries = consume(huawei, queue_id, group_id)
    message = entries(deliveries)
    message[2].status = "fail"
    assert ack(huawei, queue_id, group_id, message) == (2, 2)
    assert [delivery.message.body for delivery in consume(huawei, queue_id, group_id)] == [2, 3]


def test_three_messages_are_reached_by_three_calls_and_the_second_group_gets_them_too(huawei, queue_id):
    first, second = (group.id for group in create_groups(huawei, queue_id, "first", "second"))
    send(huawei, queue_id, v2.SendMessageEntity(body="1"))
    send(huawei, queue_id, v2.SendMessageEntity(body="2"), v2.SendMessageEntity(body="3"))
    received = [len(consume(huawei, queue_id, first, max_msgs=5)) for _ in range(3)]
    assert sum(received) == 3
    deliveries = consume(huawei, queue_id, second, max_msgs=5)
    assert ack(huawei, queue_id, second, entries(deliveries)) == (3, 0)


# ---- dead letters ----------------------------------------------------------------------------------------------------


def test_dead_letters_are_consumed_and_confirmed(huawei):
    queue_id = create_queue(huawei, redrive_policy="enable", max_consume_count=1).id
    group_id = create_groups(huawei, queue_id, "billing")[0].id
    send(huawei, queue_id, v2.SendMessageEntity(body="poison", attributes={"source": "web"}))
    assert ack(huawei, queue_id, group_id, entries(consume(huawei, queue_id, group_id), "fail")) == (0, 1)

    (dead,) = consume_dead_letters(huawei, queue_id, group_id, max_msgs=10)
    assert (dead.message.body, dead.message.attributes) == ("poison", {"source": "web"})
    assert ack_dead_letters(huawei, queue_id, group_id, entries([dead])) == (1, 0)
    assert consume_dead_letters(huawei, queue_id, group_id) == []


def test_dead_letters_of_an_unknown_group_are_not_found(huawei, queue_id):
    with refused(404, "DMS.10240405"):
        consume_dead_letters(huawei, queue_id, f"g-{uuid.uuid4()}")


# ---- quotas and tags -------------------------------------------------------------------------------------------------


def test_the_quota_of_queues_counts_what_is_used(huawei, queue_id):
    resources = huawei.show_quotas(v2.ShowQuotasRequest()).quotas.resources
    (quota,) = (resource for resource in resources if resource.type == "queue")
    assert (quota.quota, quota.used, quota.min, quota.max) == (30, 1, 0, 500)


def test_tags_are_set_overwritten_shown_and_deleted(huawei, queue_id):
    change_tags(huawei, queue_id, "create", ("env", "dev"), ("team", "blue"), ("empty", ""))
    change_tags(huawei, queue_id, "create", ("env", "prod"))
    assert tags_of(huawei, queue_id) == {"env": "prod", "team": "blue", "empty": ""}
    change_tags(huawei, queue_id, "delete", ("env", None), ("team", "red"), ("absent", None))
    assert tags_of(huawei, queue_id) == {"team": "blue", "empty": ""}


def test_tags_of_the_project_merge_the_values_of_its_queues(huawei, queue_id):
    other = create_queue(huawei, "returns").id
    change_tags(huawei, queue_id, "create", ("env", "dev"), ("team", "blue"))
    change_tags(huawei, other, "create", ("env", "prod"))
    tags = huawei.show_queue_project_tags(v2.ShowQueueProjectTagsRequest()).tags
    assert {tag.key: sorted(tag.values) for tag in tags} == {"env": ["dev", "prod"], "team": ["blue"]}


def test_an_unknown_tag_action_is_refused(huawei, queue_id):
    with refused(400, "DMS.10240040"):
        change_tags(huawei, queue_id, "replace", ("env", "dev"))
