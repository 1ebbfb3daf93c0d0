"""How otcextensions finds the broker: by a bare endpoint, by each form of catalogue entry, by an override."""

import openstack
import pytest
from keystoneauth1 import access, session
from keystoneauth1.identity.access import AccessInfoPlugin
from openstack.config import cloud_region
from otcextensions import sdk

REGION = "eu-de"
DOMAIN = {"id": "default", "name": "Default"}


def catalogue_entry(service_type: str, url: str) -> dict:
    endpoint = {"id": service_type, "interface": "public", "region": REGION, "region_id": REGION, "url": url}
    return {"id": service_type, "type": service_type, "name": service_type, "endpoints": [endpoint]}


def connect_with_token(project: str, catalogue: list[dict], **settings):
    """`conn.dms` with a token obtained earlier, so that no Keystone is asked for one."""
    token = {
        "methods": ["password"],
        "issued_at": "2024-01-01T00:00:00.000000Z",
        "expires_at": "2999-01-01T00:00:00.000000Z",
        "user": {"id": "user", "name": "user", "domain": DOMAIN},
        "project": {"id": project, "name": "project", "domain": DOMAIN},
        "roles": [],
        "catalog": catalogue,
    }
    login = AccessInfoPlugin(access.create(body={"token": token}, auth_token="any"))
    region = cloud_region.from_session(session.Session(auth=login), region_name=REGION, **settings)
    connection = openstack.connection.Connection(config=region)
    sdk.register_otc_extensions(connection)
    return connection.dms


def check_reaches_everything(dms, api):
    """Queues are the project's own; what belongs to no project answers as well."""
    queue = dms.create_queue(name="orders")
    group = dms.create_group(queue, "billing")
    dms.send_message(queue, body="hello")
    (message,) = dms.consume_message(queue, group, time_wait=1)
    dms.ack_message(queue, group, [message.id])
    assert api.get(f"/queues/{queue.id}").json()["name"] == "orders"
    assert list(dms.instances()) == []
    assert list(dms.availability_zones())
    assert len(list(dms.products())) == 4
    assert len(list(dms.maintenance_windows())) == 6


@pytest.mark.parametrize("prefix", ["/v1.0", "/v1"])
def test_a_catalogue_url_without_project_id_reaches_the_project(broker, project, api, prefix):
    catalogue = [catalogue_entry("dms", f"{broker.origin}{prefix}")]
    check_reaches_everything(connect_with_token(project, catalogue), api)


def test_a_catalogue_url_with_project_id_reaches_the_project(broker, project, api):
    catalogue = [catalogue_entry("dms", f"{broker.origin}/v1.0/{project}")]
    check_reaches_everything(connect_with_token(project, catalogue), api)


def test_an_endpoint_override_with_a_trailing_slash_reaches_the_project(broker, project, api):
    override = f"{broker.origin}/v1.0/%(project_id)s/"
    check_reaches_everything(connect_with_token(project, [], dms_endpoint_override=override), api)


@pytest.mark.parametrize("tail", ["", "/"])
def test_an_admin_token_and_an_endpoint_reach_the_project(broker, project, api, tail):
    connection = openstack.connection.Connection(
        auth_type="admin_token",
        auth={"endpoint": f"{broker.origin}/v1.0/{project}{tail}", "token": "any"},
    )
    sdk.register_otc_extensions(connection)
    check_reaches_everything(connection.dms, api)


def test_an_override_beside_an_admin_token_fails_inside_the_client(broker, project):
    """An admin token names no project, and the client does not check for that before it looks for the id."""
    connection = openstack.connection.Connection(
        auth_type="admin_token",
        auth={"endpoint": broker.origin, "token": "any"},
        dms_endpoint_override=f"{broker.origin}/v1.0/%(project_id)s/",
    )
    with pytest.raises(TypeError, match="endswith"):
        sdk.register_otc_extensions(connection)
