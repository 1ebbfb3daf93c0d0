"""The `openstack` commands that log in and that administer users, projects and roles, each run as a user runs it."""

import os
import uuid

import pytest

from cloud import DOMAIN, OTHER_PROJECT, PROJECT
from command_line import OpenStack


def command_line(cloud, home, user: str, project: str = "demo") -> OpenStack:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return OpenStack(
        {
            **kept,
            "HOME": str(home),
            "OS_AUTH_URL": cloud.auth_url,
            "OS_USERNAME": user,
            "OS_PASSWORD": f"password of {user}",
            "OS_USER_DOMAIN_NAME": DOMAIN,
            "OS_PROJECT_NAME": project,
            "OS_PROJECT_DOMAIN_NAME": DOMAIN,
            "OS_IDENTITY_API_VERSION": "3",
        }
    )


@pytest.fixture
def root(cloud, tmp_path) -> OpenStack:
    return command_line(cloud, tmp_path, "root")


@pytest.fixture
def alice(cloud, tmp_path) -> OpenStack:
    return command_line(cloud, tmp_path, "alice")


@pytest.fixture
def name() -> str:
    return f"n-{uuid.uuid4().hex[:12]}"


def test_a_token_is_issued_and_revoked(cloud, alice):
    issued = alice.json("token", "issue")
    assert issued["project_id"] == PROJECT
    assert issued["user_id"] == cloud.user_id("alice")
    queues = f"/v1.0/{PROJECT}/queues"
    assert cloud.call(issued["id"], "GET", queues).status_code == 200
    assert alice.text("token", "revoke", issued["id"]) == ""
    assert cloud.call(issued["id"], "GET", queues).status_code == 401


def test_the_catalogue_is_listed_and_a_service_shown(cloud, alice):
    listed = alice.json("catalog", "list")
    assert [service["Type"] for service in listed] == ["identity", "dms", "dmsv1", "dmsv2"]
    shown = alice.json("catalog", "show", "dms")
    assert {endpoint["url"] for endpoint in shown["endpoints"]} == {f"{cloud.broker.origin}/v1.0"}


def test_services_endpoints_and_regions_are_listed(root):
    assert {service["Type"] for service in root.json("service", "list")} == {"identity", "dms", "dmsv1", "dmsv2"}
    assert len(root.json("endpoint", "list")) == 12
    assert [region["Region"] for region in root.json("region", "list")] == ["RegionOne"]


def test_a_user_is_created_listed_shown_set_and_deleted(root, name):
    words = ("--project", "demo", "--email", "u@example.com", "--description", "a user", "--password", "secret")
    created = root.json("user", "create", *words, name)
    assert (created["name"], created["enabled"], created["default_project_id"]) == (name, True, PROJECT)
    assert name in [user["Name"] for user in root.json("user", "list")]
    root.text("user", "set", "--disable", "--description", "gone", name)
    shown = root.json("user", "show", name)
    assert (shown["id"], shown["enabled"], shown["description"]) == (created["id"], False, "gone")
    assert root.text("user", "delete", name) == ""
    assert name in root.error("user", "show", name)


def test_users_change_their_own_password(cloud, root, tmp_path, name):
    root.text("user", "create", "--password", f"password of {name}", name)
    root.text("role", "add", "--project", "demo", "--user", name, "reader")
    user = command_line(cloud, tmp_path, name)
    user.text("user", "password", "set", "--original-password", f"password of {name}", "--password", "new words")
    assert "401" in user.error("token", "issue")
    user.environment["OS_PASSWORD"] = "new words"
    assert user.json("token", "issue")["project_id"] == PROJECT
    root.text("user", "delete", name)


def test_an_administrator_sets_a_users_password(cloud, root, tmp_path, name):
    root.text("user", "create", "--password", "forgotten", name)
    root.text("role", "add", "--project", "demo", "--user", name, "reader")
    root.text("user", "set", "--password", f"password of {name}", name)
    assert command_line(cloud, tmp_path, name).json("token", "issue")["project_id"] == PROJECT
    root.text("user", "delete", name)


def test_a_project_is_created_listed_shown_set_and_deleted(root, name):
    created = root.json("project", "create", "--description", "orders", name)
    assert (created["name"], created["domain_id"], created["enabled"]) == (name, "default", True)
    assert name in [project["Name"] for project in root.json("project", "list")]
    root.text("project", "set", "--description", "orders and bills", name)
    shown = root.json("project", "show", name)
    assert (shown["id"], shown["description"]) == (created["id"], "orders and bills")
    assert root.text("project", "delete", name) == ""
    assert name in root.error("project", "show", name)


def test_roles_are_listed_given_told_and_taken(cloud, root, tmp_path, name):
    assert {role["Name"] for role in root.json("role", "list")} == {"admin", "member", "reader"}
    root.text("user", "create", "--password", f"password of {name}", name)
    where = ("--project", "other", "--user", name)
    assert root.text("role", "add", *where, "member") == ""
    (told,) = root.json("role", "assignment", "list", "--names", *where)
    assert (told["Role"], told["User"], told["Project"]) == ("member", f"{name}@{DOMAIN}", f"other@{DOMAIN}")
    user = command_line(cloud, tmp_path, name, project="other")
    assert user.json("token", "issue")["project_id"] == OTHER_PROJECT
    assert [project["Name"] for project in user.json("project", "list", "--my-projects")] == ["other"]
    assert root.text("role", "remove", *where, "member") == ""
    assert root.json("role", "assignment", "list", "--names", *where) == []
    assert "401" in user.error("token", "issue")
    root.text("user", "delete", name)


def test_a_role_of_ones_own_making_is_refused(root, name):
    assert "fixed" in root.error("role", "create", name)


def test_who_is_no_administrator_administers_nothing(alice, name):
    assert "403" in alice.error("user", "create", name)
    assert "403" in alice.error("project", "create", name)
    assert "403" in alice.error("user", "list")


def test_queues_are_managed_by_the_command_line_logged_in_by_password(alice, name):
    created = alice.json("dms", "queue", "create", name, "normal")
    assert name in [queue["name"] for queue in alice.json("dms", "queue", "list")]
    assert alice.text("dms", "queue", "delete", created["ID"]) == ""
