"""Logging in with openstacksdk and otcextensions, in every form that a clouds.yaml may have (checks 1, 2 and 5)."""

import uuid

import keystoneauth1.exceptions
import openstack
import pytest
import yaml
from otcextensions import sdk

from clients import log_in
from cloud import DOMAIN, PROJECT


def work(dms) -> None:
    """Creates a queue, sends, consumes, acknowledges, and deletes the queue."""
    queue = dms.create_queue(name=f"q-{uuid.uuid4().hex}")
    try:
        group = dms.create_group(queue, "billing")
        dms.send_message(queue, body="one order")
        (message,) = list(dms.consume_message(queue, group, time_wait=1))
        assert message.body == "one order"
        dms.ack_message(queue, group, [message.id])
        assert list(dms.consume_message(queue, group, time_wait=1)) == []
    finally:
        dms.delete_queue(queue)


SCOPES = {
    "project by id": {"project_id": PROJECT},
    "project by name and domain": {"project_name": "demo", "project_domain_name": DOMAIN},
    "project by name and domain id": {"project_name": "demo", "project_domain_id": "default"},
    "project by name alone": {"project_name": "demo"},
}


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_a_password_log_in_reaches_the_queues_of_its_project(cloud, scope):
    connection = log_in(**cloud.login(), **scope)
    assert connection.current_project_id == PROJECT
    work(connection.dms)


def test_the_user_may_be_named_by_id(cloud):
    login = {**cloud.login(), "user_id": cloud.user_id("alice")}
    del login["username"], login["user_domain_name"]
    connection = log_in(**login, project_id=PROJECT)
    work(connection.dms)


def test_v3password_logs_in_without_looking_at_the_versions(cloud):
    connection = log_in("v3password", **cloud.login(), project_id=PROJECT)
    work(connection.dms)


@pytest.mark.parametrize("tail", ["", "/", "/v3", "/v3/"])
def test_the_auth_url_is_the_root_or_the_version_with_or_without_a_slash(cloud, tail):
    login = {**cloud.login(), "auth_url": cloud.broker.origin + tail}
    work(log_in(**login, project_name="demo").dms)


@pytest.mark.parametrize("kind", ["token", "v3token"])
def test_a_token_logs_in(cloud, kind):
    auth = {"auth_url": cloud.auth_url, "token": cloud.token(), "project_id": PROJECT}
    work(log_in(kind, **auth).dms)


def test_a_token_made_beforehand_works_with_the_endpoint_alone(cloud):
    auth = {"endpoint": f"{cloud.broker.origin}/v1.0/{PROJECT}", "token": cloud.token()}
    work(log_in("admin_token", **auth).dms)


def test_an_endpoint_override_works_after_a_log_in(cloud):
    override = f"{cloud.broker.origin}/v1.0/%(project_id)s/"
    auth = {**cloud.login(), "project_name": "demo"}
    connection = openstack.connection.Connection(auth=auth, dms_endpoint_override=override)
    sdk.register_otc_extensions(connection)
    work(connection.dms)


def test_a_clouds_yaml_is_all_that_is_needed(cloud, tmp_path, monkeypatch):
    auth = {**cloud.login(), "project_name": "demo", "project_domain_name": DOMAIN}
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"rohrpost": {"auth": auth, "region_name": "RegionOne"}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    connection = openstack.connect(cloud="rohrpost")
    sdk.register_otc_extensions(connection)
    work(connection.dms)


def test_a_domain_scope_logs_in_and_reaches_no_queue(cloud):
    auth = {**cloud.login(), "domain_name": DOMAIN}
    session = openstack.connection.Connection(auth=auth).session
    access = session.auth.get_access(session)
    assert (access.domain_id, access.project_id) == ("default", None)
    catalogue = access.service_catalog
    assert set(catalogue.get_endpoints()) == {"identity", "dms"}
    queues = cloud.call(access.auth_token, "GET", f"/v1.0/{PROJECT}/queues")
    assert (queues.status_code, queues.json()["error_code"]) == (401, "DMS.10240104")


def test_an_unscoped_log_in_lists_the_users_projects(cloud):
    connection = openstack.connection.Connection(
        auth_type="v3password", auth={**cloud.login(), "unscoped": True}
    )
    access = connection.session.auth.get_access(connection.session)
    assert (access.scoped, access.has_service_catalog()) == (False, False)
    projects = connection.session.get(f"{cloud.auth_url}/auth/projects").json()["projects"]
    assert [project["name"] for project in projects] == ["demo"]


@pytest.mark.parametrize("service, path", [("dms", "/v1.0"), ("dmsv1", f"/v1.0/{PROJECT}"), ("dmsv2", f"/v2/{PROJECT}")])
@pytest.mark.parametrize("interface", ["public", "internal", "admin"])
def test_the_catalogue_has_every_form_of_the_service(cloud, service, path, interface):
    connection = openstack.connection.Connection(auth={**cloud.login(), "project_id": PROJECT})
    url = connection.session.auth.get_access(connection.session).service_catalog.url_for(
        service_type=service, interface=interface, region_name="RegionOne"
    )
    assert url == cloud.broker.origin + path


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}, {"project_name": "other"}])
def test_whatever_is_wrong_in_a_log_in_is_unauthorized(cloud, wrong):
    auth = {**cloud.login(), "project_name": "demo", **wrong}
    session = openstack.connection.Connection(auth=auth).session
    with pytest.raises(keystoneauth1.exceptions.Unauthorized, match="requires authentication"):
        session.get_token()
