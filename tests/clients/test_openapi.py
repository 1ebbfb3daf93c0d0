"""The API's own document, held against the server by schemathesis: requests made up from it, right and wrong ones, are
never answered with a status, a media type or a form that it does not name, nor with an error of the server."""

import os
import subprocess
from pathlib import Path

import pytest
import requests

from cloud import PROJECT, Cloud
from raw_api import RawApi

CONTRACT = Path(__file__).parent / "contract"
# What goes beyond the document: the server is stricter than its schemas can say, in words that other tests hold.
UNCHECKED = [
    "positive_data_acceptance",
    "negative_data_rejection",
    "use_after_free",
    "ensure_resource_availability",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "object_level_authorization",
]
# Longer by hand: CONTRACT_SECONDS=900 tests/clients/run -k openapi
SECONDS = int(os.environ.get("CONTRACT_SECONDS", "60"))


@pytest.fixture
def contract_cloud(tmp_path) -> Cloud:
    """A server of its own: what is made up may delete everything."""
    running = Cloud.start(tmp_path)
    yield running
    assert running.broker.stop() == 0, running.broker.log


def queue_and_group(api: RawApi) -> dict:
    """A queue with a group, for the paths that name them."""
    queue = api.create_queue()
    return {"path.queue_id": queue, "path.group_id": api.create_groups(queue, "g")[0]}


def accounts(cloud: Cloud) -> dict:
    """A project, a user and an access key, for the paths that name them. The server is not run by means of these."""

    def create(path: str, kind: str, form: dict) -> dict:
        return cloud.call(cloud.token("root"), "POST", path, json={kind: form}).json()[kind]

    user = create("/v3/users", "user", {"name": "erin", "password": "password of erin"})["id"]
    return {
        "path.project_id": create("/v3/projects", "project", {"name": "some"})["id"],
        "path.user_id": user,
        "path.access_key": create("/v3.0/OS-CREDENTIAL/credentials", "credential", {"user_id": user})["access"],
        "header.X-Subject-Token": cloud.token("alice"),
    }


def config(cloud: Cloud) -> str:
    """What exists is named to schemathesis, but where it would be deleted. Of the entries of one call only one counts."""

    def table(values: dict) -> str:
        return ", ".join(f'"{name}" = "{value}"' for name, value in values.items())

    token = cloud.token("root")
    session = requests.Session()
    session.headers["X-Auth-Token"] = token
    api = RawApi(cloud.broker.origin, PROJECT, prefix="/v2", _session=session)
    return f"""
# A consume may wait for a minute, if nothing is there.
request-timeout = 70

[parameters]
"path.project_id" = "{PROJECT}"

[checks]
{"".join(f"{check}.enabled = false" + chr(10) for check in UNCHECKED)}

# One form of its body is answered with nothing at all, as by the managed service, which OpenAPI has no words for.
[[operations]]
include-path-regex = "/instances/action$"
checks.response_schema_conformance.enabled = false

[[operations]]
exclude-path-regex = "^/v3"
exclude-method = "DELETE"
parameters = {{ {table(queue_and_group(api))} }}

[[operations]]
include-path-regex = "^/v3"
exclude-method = "DELETE"
parameters = {{ {table(accounts(cloud))} }}

# Not the project of whoever runs this, nor them.
[[operations]]
include-name = "DELETE /v3/projects/{{project_id}}"
parameters = {{ "path.project_id" = "{cloud.new_project("doomed", "alice")}" }}
[[operations]]
include-name = "DELETE /v3/users/{{user_id}}"
parameters = {{ "path.user_id" = "{cloud.user_id("carol")}" }}

[auth.openapi.token]
api_key = "{token}"
"""


@pytest.mark.timeout(SECONDS + 180)
def test_the_server_keeps_to_its_document(contract_cloud, tmp_path):
    origin = contract_cloud.broker.origin
    (tmp_path / "schemathesis.toml").write_text(config(contract_cloud))
    command = [
        CONTRACT / ".venv/bin/st",
        "--config-file",
        tmp_path / "schemathesis.toml",
        "run",
        f"{origin}/openapi.json",
        "--max-time",
        str(SECONDS),
        "--continue-on-failure",
        "--no-color",
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
