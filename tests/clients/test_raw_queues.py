"""By plain HTTP: the exact fields of queues and groups, and limits that clients cannot reach."""

import pytest

from raw_api import accepted, refused

MESSAGE_BYTES_MAX = 524288


@pytest.fixture
def queue(api) -> str:
    return api.create_queue()


@pytest.fixture
def group(api, queue) -> str:
    return api.create_groups(queue, "billing")[0]


# ---- queues ----------------------------------------------------------------------------------------------------------


def test_a_listed_queue_has_exactly_the_documented_fields(api, queue):
    listed = accepted(api.get("/queues"), 200)
    assert listed["total"] == 1
    (entry,) = listed["queues"]
    created = entry["created"]
    assert isinstance(created, int)
    expected = {
        "id": queue,
        "name": "orders",
        "description": None,
        "queue_mode": "NORMAL",
        "reservation": 4320,
        "created": created,
        "eff_date": created,
        "max_msg_size_byte": MESSAGE_BYTES_MAX,
        "produced_messages": 0,
        "group_count": 0,
    }
    assert entry == expected
    assert accepted(api.get(f"/queues/{queue}"), 200) == expected


@pytest.mark.parametrize("yes", ["True", "true", "TRUE"])
def test_dead_letter_fields_are_asked_for_in_any_case_and_absent_on_kafka_queues(api, yes):
    api.create_queue("orders", redrive_policy="enable", max_consume_count=7)
    api.create_queue("stream", queue_mode="KAFKA_HA")
    listed = accepted(api.get("/queues", include_deadletter=yes), 200)["queues"]
    policies = {entry["name"]: (entry.get("redrive_policy"), entry.get("max_consume_count")) for entry in listed}
    assert policies == {"orders": ("enable", 7), "stream": (None, None)}
    plain = accepted(api.get("/queues", include_deadletter="False"), 200)["queues"]
    assert not any("redrive_policy" in entry for entry in plain)


@pytest.mark.parametrize("mode", ["KAFKA_HA", "KAFKA_HT"])
def test_a_kafka_queue_names_its_topic_when_created_and_when_read(api, project, mode):
    created = accepted(api.post("/queues", {"name": "stream", "queue_mode": mode}), 201)
    topic = f"k-{project}-{created['id']}"
    assert created["kafka_topic"] == topic
    assert accepted(api.get(f"/queues/{created['id']}"), 200)["kafka_topic"] == topic


@pytest.mark.parametrize("hours", [0, 73, "x", 1.5])
def test_retention_hours_that_are_no_integer_of_the_range_are_refused(api, hours):
    body = {"name": "stream", "queue_mode": "KAFKA_HA", "retention_hours": hours}
    refused(api.post("/queues", body), 400, "DMS.10240027")


@pytest.mark.parametrize("hours", [1, 72])
def test_retention_hours_show_as_minutes_of_reservation(api, hours):
    queue = api.create_queue("stream", queue_mode="KAFKA_HA", retention_hours=hours)
    assert accepted(api.get(f"/queues/{queue}"), 200)["reservation"] == hours * 60


def test_dead_letters_cannot_be_enabled_on_a_kafka_queue(api):
    body = {"name": "stream", "queue_mode": "KAFKA_HA", "redrive_policy": "enable", "max_consume_count": 3}
    refused(api.post("/queues", body), 400, "DMS.10540010")
    api.create_queue("stream", queue_mode="KAFKA_HA", redrive_policy="disable")


def test_counts_of_messages_and_groups_are_right_at_once(api, queue):
    api.send_bodies(queue, 1, 2, 3)
    api.create_groups(queue, "a", "b")
    read = accepted(api.get(f"/queues/{queue}"), 200)
    assert (read["produced_messages"], read["group_count"]) == (3, 2)


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_a_listed_group_has_exactly_the_documented_fields(api, queue, group):
    plain = {"id": group, "name": "billing", "produced_messages": 0, "consumed_messages": 0, "available_messages": 0}
    listed = accepted(api.get(f"/queues/{queue}/groups"), 200)
    assert listed == {"queue_id": queue, "queue_name": "orders", "groups": [plain]}
    dead = {"produced_deadletters": 0, "available_deadletters": 0}
    listed = accepted(api.get(f"/queues/{queue}/groups", include_deadletter="true"), 200)
    assert listed["groups"] == [{**plain, **dead}]
    assert listed["redrive_policy"] == "disable"


def test_counting_is_skipped_on_request(api, queue, group):
    api.send_bodies(queue, 1, 2)
    (counted,) = accepted(api.get(f"/queues/{queue}/groups"), 200)["groups"]
    assert (counted["produced_messages"], counted["available_messages"]) == (2, 2)
    (skipped,) = accepted(api.get(f"/queues/{queue}/groups", include_messages_num="false"), 200)["groups"]
    assert (skipped["produced_messages"], skipped["available_messages"]) == (0, 0)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["a", "b", "c", "d"], "DMS.10240019"),
        (["twice", "twice"], "DMS.10240018"),
        (["fine", "n" * 33], "DMS.10240012"),
        (["fine", ""], "DMS.10240012"),
        (["fine", "not.fine"], "DMS.10240007"),
    ],
    ids=str,
)
def test_a_request_with_one_bad_group_creates_none(api, queue, names, code):
    body = {"groups": [{"name": name} for name in names]}
    refused(api.post(f"/queues/{queue}/groups", body), 400, code)
    assert accepted(api.get(f"/queues/{queue}/groups"), 200)["groups"] == []
