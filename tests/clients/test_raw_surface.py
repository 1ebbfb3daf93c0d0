"""By plain HTTP: every call under every prefix and spelling, and the one shape that every error has."""

import pytest
import requests

from raw_api import RawApi, accepted, bodies, fail, refused, success

PREFIXES = ["/v1.0", "/v1", "/v2"]
MESSAGE_BYTES_MAX = 524288
DELAY_MS_MAX = 604_800_000


@pytest.fixture
def queue(api) -> str:
    return api.create_queue()


@pytest.fixture
def group(api, queue) -> str:
    return api.create_groups(queue, "billing")[0]


# ---- prefixes and spellings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_call_answers_under_every_prefix(api, prefix):
    api = api.under(prefix)
    queue = api.create_queue(redrive_policy="enable", max_consume_count=1)
    (group,) = api.create_groups(queue, "billing")
    assert accepted(api.get("/queues"), 200)["total"] == 1
    assert accepted(api.get(f"/queues/{queue}"), 200)["id"] == queue
    assert accepted(api.get(f"/queues/{queue}/groups"), 200)["queue_name"] == "orders"

    api.send_bodies(queue, "poison", "sound")
    poison, sound = api.consume(queue, group)
    assert accepted(api.ack(queue, group, success(sound), fail(poison)), 200) == {"success": 1, "fail": 1}
    (dead,) = api.consume_dead_letters(queue, group)
    answer = api.post(f"/queues/{queue}/groups/{group}/deadletters/ack", {"message": [success(dead)]})
    assert accepted(answer, 200) == {"success": 1, "fail": 0}

    accepted(api.post(f"/queue/{queue}/tags", {"tag": {"key": "env", "value": "dev"}}), 204)
    change = {"action": "create", "tags": [{"key": "team", "value": "blue"}]}
    accepted(api.post(f"/queue/{queue}/tags/action", change), 204)
    accepted(api.delete(f"/queue/{queue}/tags/env"), 204)
    expected = [{"key": "team", "value": "blue"}]
    assert accepted(api.get(f"/queue/{queue}/tags"), 200) == {"tags": expected}
    assert accepted(api.get("/queue/tags"), 200) == {"tags": [{"key": "team", "values": ["blue"]}]}
    found = accepted(api.post("/queue/resource_instances/action", {"action": "filter"}), 200)
    assert found["total_count"] == 1
    assert (found["resources"][0]["resource_id"], found["resources"][0]["tags"]) == (queue, expected)

    for path in ("/quotas/dms", "/quotas"):
        quota = accepted(api.get(path), 200)["quotas"]["resources"][0]
        assert quota == {"type": "queue", "quota": 30, "used": 1, "min": 0, "max": 500}

    accepted(api.delete(f"/queues/{queue}/groups/{group}"), 204)
    accepted(api.delete(f"/queues/{queue}"), 204)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("spelling", ["returnId", "return_id"])
def test_ids_are_asked_for_in_both_spellings_under_every_prefix(api, queue, prefix, spelling):
    message = {"body": "x"}
    (with_id,) = api.under(prefix).send(queue, message, **{spelling: True})
    assert set(with_id) == {"error", "error_code", "state", "id"}
    (without,) = api.under(prefix).send(queue, message, **{spelling: False})
    assert without == {"error": None, "error_code": None, "state": 0}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("spelling", ["delayTime", "delay_time"])
def test_a_delay_is_asked_for_in_both_spellings_under_every_prefix(api, queue, group, prefix, spelling):
    api.under(prefix).send(queue, {"body": "later", spelling: DELAY_MS_MAX})
    assert api.consume(queue, group) == []
    batch = {"messages": [{"body": "never", spelling: DELAY_MS_MAX + 1}]}
    refused(api.under(prefix).post(f"/queues/{queue}/messages", batch), 400)


def test_a_fraction_of_a_millisecond_of_delay_is_cut_off(api, queue, group):
    api.send(queue, {"body": "now", "delayTime": 0.9})
    assert bodies(api.consume(queue, group)) == ["now"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("place", ["/{project}", ""], ids=["with project", "without project"])
def test_what_belongs_to_no_project_answers_with_and_without_one(broker, project, prefix, place):
    base = broker.origin + prefix + place.format(project=project)
    zones = accepted(requests.get(f"{base}/availableZones", timeout=10), 200)
    assert zones["regionId"]
    assert isinstance(zones["available_zones"][0]["port"], str)
    assert isinstance(zones["available_zones"][0]["resource_availability"], str)
    products = accepted(requests.get(f"{base}/products", params={"engine": "kafka"}, timeout=10), 200)
    assert len(products["Hourly"][0]["values"][0]["detail"]) == 4
    assert all(isinstance(value, list) for value in products.values())
    windows = accepted(requests.get(f"{base}/instances/maintain-windows", timeout=10), 200)
    assert windows["maintain_windows"][1] == {"seq": 2, "begin": "02", "end": "06", "default": True}


# ---- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1.0", "/v9/{project}/queues", "/v1.0/{project}/nothing", "/nothing"])
def test_an_unknown_path_is_a_json_404(broker, project, path):
    answer = requests.get(broker.origin + path.format(project=project), timeout=10)
    refused(answer, 404, "DMS.10240406")


@pytest.mark.parametrize(("method", "path"), [("PUT", "/queues"), ("PATCH", "/queues/{queue}"), ("DELETE", "/queues")])
def test_a_wrong_method_is_a_json_405(api, queue, method, path):
    refused(api.call(method, path.format(queue=queue)), 405, "DMS.00405001")


@pytest.mark.parametrize("project", ["short", "g" * 32, "0" * 33])
def test_a_malformed_project_is_a_json_400(broker, project):
    refused(RawApi(broker.origin, project).get("/queues"), 400, "DMS.10240005")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name":', b"\xff", b'"orders"', b"null"], ids=repr)
def test_a_body_that_is_no_json_object_is_refused(api, body):
    refused(api.call("POST", "/queues", data=body), 400)
    assert accepted(api.get("/queues"), 200)["total"] == 0


def test_json_is_read_whatever_its_content_type_with_unknown_fields_and_nulls_ignored(api):
    body = b'{"name":"orders","description":null,"queue_mode":null,"unheard_of":{"a":[1]}}'
    created = accepted(api.call("POST", "/queues", data=body, headers={"Content-Type": "text/plain"}), 201)
    assert set(created) == {"id", "name"}
    assert accepted(api.get(f"/queues/{created['id']}"), 200)["description"] is None


def test_a_body_in_chunks_is_read(api):
    created = api.call("POST", "/queues", data=iter([b'{"name":', b'"orders"}']))
    assert accepted(created, 201)["name"] == "orders"


@pytest.mark.parametrize("path", ["/v1.0/{project}/queues/", "/v1.0//{project}/queues", "//v1.0/{project}//queues"])
def test_doubled_and_trailing_slashes_make_no_difference(broker, api, queue, path):
    answer = requests.get(broker.origin + path.format(project=api.project), timeout=10)
    assert [entry["id"] for entry in accepted(answer, 200)["queues"]] == [queue]


def test_ids_are_read_in_upper_case_too_but_in_no_other_form(api, queue, group):
    assert accepted(api.get(f"/queues/{queue.upper()}"), 200)["id"] == queue
    refused(api.get(f"/queues/{queue.replace('-', '')}"), 400, "DMS.10240015")
    refused(api.get(f"/queues/{{{queue}}}"), 400, "DMS.10240015")
    refused(api.delete(f"/queues/{queue}/groups/{group.removeprefix('g-')}"), 400, "DMS.10240016")


def test_a_boolean_that_is_none_is_refused(api):
    refused(api.get("/queues", include_deadletter="maybe"), 400, "DMS.10540014")


def test_unknown_query_parameters_are_ignored(api, queue, group):
    assert accepted(api.get("/queues", limit=1, marker="x", unheard="of"), 200)["total"] == 1
    assert api.consume(queue, group, unheard="of") == []


def test_a_body_beyond_every_limit_is_refused_in_the_same_shape(api, queue):
    huge = {"messages": [{"body": "x" * (4 * MESSAGE_BYTES_MAX)} for _ in range(2)]}
    answer = api.post(f"/queues/{queue}/messages", huge)
    assert answer.status_code in (400, 413)
    refused(answer, answer.status_code)
