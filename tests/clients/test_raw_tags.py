"""By plain HTTP: the tag calls that no client package has, and their limits."""

import uuid

import pytest

from raw_api import accepted, refused


@pytest.fixture
def queue(api) -> str:
    return api.create_queue()


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ({"key": "", "value": "v"}, "DMS.10240035"),
        ({"key": "k" * 37, "value": "v"}, "DMS.10240035"),
        ({"key": "a=b", "value": "v"}, "DMS.10240036"),
        ({"key": "k", "value": "v" * 44}, "DMS.10240038"),
        ({"key": "k", "value": "a|b"}, "DMS.10240039"),
    ],
    ids=["empty key", "long key", "key charset", "long value", "value charset"],
)
def test_tags_outside_the_rules_are_refused(api, queue, tag, code):
    refused(api.post(f"/queue/{queue}/tags", {"tag": tag}), 400, code)


def test_a_queue_has_at_most_ten_tags_of_different_keys(api, queue):
    tags = [{"key": f"key-{number}", "value": "v" * 43} for number in range(10)]
    accepted(api.post(f"/queue/{queue}/tags/action", {"action": "create", "tags": tags}), 204)
    refused(api.post(f"/queue/{queue}/tags", {"tag": {"key": "eleventh", "value": ""}}), 400, "DMS.10240044")
    twice = {"action": "create", "tags": [{"key": "key-1", "value": "a"}, {"key": "key-1", "value": "b"}]}
    refused(api.post(f"/queue/{queue}/tags/action", twice), 400, "DMS.10240045")


def test_deleting_an_absent_tag_or_one_of_an_unknown_queue_is_not_found(api, queue):
    refused(api.delete(f"/queue/{queue}/tags/absent"), 404, "DMS.10240426")
    refused(api.get(f"/queue/{uuid.uuid4()}/tags"), 404, "DMS.10240401")


@pytest.fixture
def tagged(api) -> dict[str, str]:
    """Three queues by name, tagged env and team."""
    tags = {"orders": ("dev", "blue"), "returns": ("prod", "blue"), "invoices": ("prod", "red")}
    queues = {}
    for name, (env, team) in tags.items():
        queues[name] = api.create_queue(name)
        pairs = [{"key": "env", "value": env}, {"key": "team", "value": team}]
        accepted(api.post(f"/queue/{queues[name]}/tags/action", {"action": "create", "tags": pairs}), 204)
    return queues


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ({}, ["orders", "returns", "invoices"]),
        ({"tags": [{"key": "env", "values": ["prod"]}, {"key": "team", "values": ["blue"]}]}, ["returns"]),
        ({"tags": [{"key": "env", "values": ["dev", "prod"]}]}, ["orders", "returns", "invoices"]),
        ({"tags_any": [{"key": "env", "values": ["dev"]}, {"key": "team", "values": ["red"]}]}, ["orders", "invoices"]),
        ({"not_tags": [{"key": "env", "values": ["prod"]}, {"key": "team", "values": ["red"]}]}, ["orders", "returns"]),
        ({"not_tags_any": [{"key": "env", "values": ["dev"]}, {"key": "team", "values": ["red"]}]}, ["returns"]),
        ({"tags": [{"key": "env", "values": []}]}, ["orders", "returns", "invoices"]),
        ({"matches": [{"key": "resource_name", "value": "r"}]}, ["orders", "returns"]),
    ],
    ids=["all", "tags", "values", "tags_any", "not_tags", "not_tags_any", "any value", "name"],
)
def test_queues_are_searched_by_tag_and_by_name(api, tagged, search, names):
    path = "/queue/resource_instances/action"
    found = accepted(api.post(path, {"action": "filter", **search}), 200)
    assert sorted(entry["resource_name"] for entry in found["resources"]) == sorted(names)
    assert found["total_count"] == len(names)
    assert accepted(api.post(path, {"action": "count", **search}), 200) == {"total_count": len(names)}


def test_a_search_is_paged_by_numbers_in_strings(api, tagged):
    path = "/queue/resource_instances/action"
    everything = accepted(api.post(path, {"action": "filter"}), 200)["resources"]
    page = accepted(api.post(path, {"action": "filter", "limit": "2", "offset": "1"}), 200)
    assert (page["resources"], page["total_count"]) == (everything[1:], 3)
    refused(api.post(path, {"action": "filter", "limit": "1001"}), 400, "DMS.10240042")
    refused(api.post(path, {"action": "search"}), 400, "DMS.10240041")
