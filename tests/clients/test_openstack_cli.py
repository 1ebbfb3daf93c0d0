"""The `openstack dms …` commands of python-openstackclient with otcextensions, each run as a user runs it."""

import os
import uuid

import pytest

from command_line import OpenStack

QUEUE_COLUMNS = {
    "ID",
    "name",
    "queue_mode",
    "description",
    "redrive_policy",
    "max_consume_count",
    "retention_hours",
}


@pytest.fixture
def openstack(broker, project, tmp_path) -> OpenStack:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return OpenStack(
        {
            **kept,
            "HOME": str(tmp_path),
            "OS_AUTH_TYPE": "admin_token",
            "OS_ENDPOINT": f"{broker.origin}/v1.0/{project}",
            "OS_TOKEN": "any",
        },
        ("dms",),
    )


def test_a_queue_is_created_listed_shown_and_deleted(openstack):
    created = openstack.json("queue", "create", "orders", "fifo", "--description", "incoming")
    assert set(created) == QUEUE_COLUMNS
    assert (created["name"], created["queue_mode"], created["description"]) == ("orders", "FIFO", "incoming")

    (listed,) = openstack.json("queue", "list")
    assert set(listed) == QUEUE_COLUMNS
    assert (listed["ID"], listed["name"], listed["queue_mode"]) == (created["ID"], "orders", "FIFO")

    shown = openstack.json("queue", "show", created["ID"])
    assert (shown["ID"], shown["description"]) == (created["ID"], "incoming")

    assert openstack.text("queue", "delete", created["ID"]) == ""
    assert openstack.json("queue", "list") == []


def test_a_queue_with_dead_letters_and_one_with_retention_are_created(openstack, api):
    words = ["--redrive_policy", "enable", "--max_consume_count", "3"]
    created = openstack.json("queue", "create", "orders", "NORMAL", *words)
    read = api.get(f"/queues/{created['ID']}", include_deadletter="True").json()
    assert (read["redrive_policy"], read["max_consume_count"]) == ("enable", 3)

    created = openstack.json("queue", "create", "stream", "KAFKA_HA", "--retention_hours", "5")
    assert api.get(f"/queues/{created['ID']}").json()["reservation"] == 300


def test_several_queues_are_deleted_by_one_command(openstack, api):
    queues = [api.create_queue(name) for name in ("a", "b", "c")]
    openstack.text("queue", "delete", *queues[:2])
    assert [queue["id"] for queue in api.get("/queues").json()["queues"]] == queues[2:]


def test_the_broker_s_refusal_of_a_queue_reaches_the_user(openstack, api):
    api.create_queue("orders")
    assert "DMS.10240017" in openstack.error("queue", "create", "orders", "NORMAL")
    assert "DMS.10240401" in openstack.error("queue", "show", str(uuid.uuid4()))


def test_groups_are_listed_by_the_queue_s_name_and_by_its_id(openstack, api):
    queue = api.create_queue("orders")
    (group,) = api.create_groups(queue, "billing")
    api.send_bodies(queue, "a", "b")
    expected = {
        "ID": group,
        "name": "billing",
        "produced_messages": 2,
        "consumed_messages": 0,
        "available_messages": 2,
    }
    assert openstack.json("group", "list", "orders") == [expected]
    assert openstack.json("group", "list", queue) == [expected]


def test_groups_are_listed_with_their_dead_letters(openstack, api):
    queue = api.create_queue("orders", redrive_policy="enable", max_consume_count=1)
    api.create_groups(queue, "billing")
    (listed,) = openstack.json("group", "list", "--include_deadletter", "orders")
    assert (listed["produced_deadletters"], listed["available_deadletters"]) == (0, 0)


def test_groups_are_deleted(openstack, api):
    queue = api.create_queue("orders")
    billing, audit, kept = api.create_groups(queue, "billing", "audit", "kept")
    openstack.text("group", "delete", queue, billing, audit)
    assert [group["id"] for group in api.get(f"/queues/{queue}/groups").json()["groups"]] == [kept]


def test_the_client_s_own_fault_keeps_group_create_from_asking_the_broker(openstack, api):
    """The command passes `group=` where the client's proxy takes `name=`: no broker can make it work."""
    queue = api.create_queue("orders")
    complaint = openstack.error("group", "create", queue, "billing")
    assert "unexpected keyword argument 'group'" in complaint
    assert api.get(f"/queues/{queue}/groups").json()["groups"] == []


def test_instances_are_listed(openstack):
    assert openstack.json("instance", "list") == []
    filters = ["--engine-name", "kafka", "--status", "running", "--include-failure"]
    assert openstack.json("instance", "list", *filters) == []


@pytest.mark.parametrize(
    "words",
    [
        ("restart", "events"),
        ("topic", "list", "events"),
        ("topic", "create", "events", "clicks", "--partition", "3"),
        ("topic", "delete", "events", "clicks"),
    ],
    ids=" ".join,
)
def test_commands_on_an_unknown_instance_say_that_there_is_none(openstack, words):
    assert "No Instance found for events" in openstack.error("instance", *words)


def test_an_unknown_instance_is_shown_as_missing(openstack):
    assert "No Instance found for events" in openstack.error("instance", "show", "events")


def test_deleting_an_unknown_instance_is_no_error(openstack):
    assert openstack.text("instance", "delete", str(uuid.uuid4())) == ""


def test_the_client_s_own_fault_keeps_instance_set_from_asking_the_broker(openstack):
    """It looks up the security group with a call that the client's compute proxy does not have."""
    assert "find_security_group" in openstack.error("instance", "set", "events", "--security-group", "any")


def test_instance_create_stops_at_the_network_service_before_it_asks_the_broker(openstack):
    """The router, the network and the security group are looked up first, the last by the same missing call."""
    words = ["--storage", "600", "--product-id", "00300-30308-0--0", "--availability-zone", "any"]
    places = ["--router", "any", "--network", "any", "--security-group", "any"]
    assert "/routers" in openstack.error("instance", "create", "events", *words, *places)


def test_availability_zones_products_and_maintenance_windows_are_listed(openstack):
    zones = openstack.json("az", "list")
    assert zones
    assert all(zone["has_available_resources"] is True for zone in zones)
    assert [product["engine_name"] for product in openstack.json("product", "list")] == ["kafka"] * 4
    windows = openstack.json("maintenance", "window", "list")
    assert [window["seq"] for window in windows if window["is_default"]] == [2]
