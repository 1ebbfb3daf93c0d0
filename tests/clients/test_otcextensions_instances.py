"""Kafka instances through otcextensions: none can be made yet, and every call says so in the API's own words."""

import uuid

import pytest
from openstack.exceptions import BadRequestException, NotFoundException, ResourceNotFound
from otcextensions.sdk.dms.v1.instance import Instance

INSTANCE = {
    "name": "events",
    "engine_name": "kafka",
    "engine_version": "2.3.0",
    "storage": 600,
    "storage_spec_code": "dms.physical.storage.high",
    "product_id": "00300-30308-0--0",
    "router_id": str(uuid.uuid4()),
    "network_id": str(uuid.uuid4()),
    "security_group_id": str(uuid.uuid4()),
    "availability_zones": ["a" * 32],
}


@pytest.fixture
def missing() -> str:
    return str(uuid.uuid4())


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"engine_name": "kafka", "name": "events", "status": "RUNNING"},
        {"include_failure": True, "exact_match_name": False},
    ],
    ids=str,
)
def test_the_list_of_instances_is_empty_whatever_the_filter(dms, query):
    assert list(dms.instances(**query)) == []


def test_creating_an_instance_is_refused_as_sold_out(dms):
    with pytest.raises(BadRequestException, match="DMS.00400055"):
        dms.create_instance(**INSTANCE)
    assert list(dms.instances()) == []


def test_an_unknown_instance_is_not_found(dms, missing):
    with pytest.raises(NotFoundException, match="DMS.00404022"):
        dms.get_instance(missing)
    with pytest.raises(ResourceNotFound):
        dms.find_instance(missing)
    assert dms.find_instance("events", ignore_missing=True) is None


def test_an_unknown_instance_can_be_neither_changed_nor_deleted(dms, missing):
    with pytest.raises(NotFoundException, match="DMS.00404022"):
        dms.update_instance(missing, name="renamed")
    with pytest.raises(NotFoundException, match="DMS.00404022"):
        dms.delete_instance(missing, ignore_missing=False)
    dms.delete_instance(missing)


def test_waiting_for_an_unknown_instance_to_be_deleted_ends_at_once(dms, missing):
    dms.wait_for_delete(Instance(id=missing), interval=1, wait=3)


def test_batch_actions_answer_also_when_there_is_nothing_to_act_on(dms, missing):
    dms.restart_instance(missing)
    dms.restart_instances([missing])
    dms.delete_batch([missing])
    dms.delete_failed()


def test_topics_of_an_unknown_instance_are_not_found(dms, missing):
    with pytest.raises(NotFoundException, match="DMS.00404022"):
        list(dms.topics(missing))
    with pytest.raises(NotFoundException, match="DMS.00404022"):
        dms.create_topic(missing, id="events", partition=3)
    with pytest.raises(NotFoundException, match="DMS.00404022"):
        dms.delete_topic(missing, ["events"])


def test_availability_zones_have_what_the_client_reads(dms):
    zones = list(dms.availability_zones())
    assert zones
    for zone in zones:
        assert zone.id
        assert zone.name
        assert zone.code
        assert zone.region_id
        assert zone.has_available_resources is True


def test_products_are_the_four_of_the_kafka_engine(dms):
    products = list(dms.products())
    assert {product.engine_name for product in products} == {"kafka"}
    assert [product.product_id for product in products] == [
        "00300-30308-0--0",
        "00300-30310-0--0",
        "00300-30312-0--0",
        "00300-30314-0--0",
    ]
    assert [product.bandwidth for product in products] == ["100MB", "300MB", "600MB", "1200MB"]
    assert all(isinstance(product.availability_zones, list) for product in products)


def test_maintenance_windows_are_six_and_the_second_is_the_default(dms):
    windows = list(dms.maintenance_windows())
    assert [window.seq for window in windows] == [1, 2, 3, 4, 5, 6]
    assert [window.begin for window in windows] == ["22", "02", "06", "10", "14", "18"]
    assert [window.end for window in windows] == ["02", "06", "10", "14", "18", "22"]
    assert [window.is_default for window in windows] == [False, True, False, False, False, False]
