"""Access keys: made by plain HTTP, used by the real signer of huaweicloudsdkcore, also on the identity API (check 6)."""

import uuid

import pytest
import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkdms.v2 import CreateQueueReq, CreateQueueRequest, DeleteQueueRequest, DmsClient, ListQueuesRequest

from cloud import DOMAIN, PROJECT, REQUEST_SECONDS_MAX

KEYS = "/v3.0/OS-CREDENTIAL/credentials"
TEMPORARY_KEYS = "/v3.0/OS-CREDENTIAL/securitytokens"


@pytest.fixture
def key(cloud):
    """A permanent key of alice's."""
    made = cloud.call(cloud.token(), "POST", KEYS, json={"credential": {"description": "ci"}})
    assert made.status_code == 201, made.text
    key = made.json()["credential"]
    yield key
    cloud.call(cloud.token(), "DELETE", f"{KEYS}/{key['access']}")


def signed_get(cloud, key, path: str, *query: tuple[str, str], **headers) -> requests.Response:
    """A GET of the identity API that the client package signs."""
    request = SdkRequest(
        method="GET",
        schema="http",
        host=cloud.broker.address,
        resource_path=path,
        query_params=list(query),
        header_params=headers,
        body="",
    )
    signed = Signer(BasicCredentials(key["access"], key["secret"])).sign(request)
    url = cloud.broker.origin + signed.uri
    return requests.get(url, headers=signed.header_params, timeout=REQUEST_SECONDS_MAX)


def connect(cloud, credentials) -> DmsClient:
    return DmsClient.new_builder().with_credentials(credentials).with_endpoint(cloud.broker.origin).build()


def work(client: DmsClient) -> None:
    """Creates a queue, finds it in the list, and deletes it."""
    name = f"q-{uuid.uuid4().hex}"
    queue = client.create_queue(CreateQueueRequest(body=CreateQueueReq(name=name))).id
    assert name in [queue.name for queue in client.list_queues(ListQueuesRequest()).queues]
    client.delete_queue(DeleteQueueRequest(queue_id=queue))


def refusal(client: DmsClient) -> tuple[int, str]:
    with pytest.raises(ClientRequestException) as refused:
        client.list_queues(ListQueuesRequest())
    return refused.value.status_code, refused.value.error_code


def test_a_key_finds_its_project_its_domain_and_its_catalogue(cloud, key):
    projects = signed_get(cloud, key, "/v3/projects", ("name", "demo")).json()["projects"]
    assert [project["id"] for project in projects] == [PROJECT]
    assert signed_get(cloud, key, "/v3/projects", ("name", "other")).json()["projects"] == []
    domains = signed_get(cloud, key, "/v3/auth/domains", ("name", DOMAIN)).json()["domains"]
    assert [domain["id"] for domain in domains] == ["default"]
    catalogue = signed_get(cloud, key, "/v3/auth/catalog").json()["catalog"]
    urls = {service["type"]: service["endpoints"][0]["url"] for service in catalogue}
    assert urls["dmsv1"] == f"{cloud.broker.origin}/v1.0/{PROJECT}"
    assert signed_get(cloud, {**key, "secret": "wrong"}, "/v3/projects").status_code == 401


def test_the_client_finds_its_project_by_the_name_of_its_region(cloud, key):
    credentials = BasicCredentials(key["access"], key["secret"]).with_iam_endpoint(cloud.broker.origin)
    region = Region("demo", cloud.broker.origin)
    client = DmsClient.new_builder().with_credentials(credentials).with_region(region).build()
    work(client)


def test_a_key_works_until_it_is_made_inactive_or_deleted(cloud, key):
    client = connect(cloud, BasicCredentials(key["access"], key["secret"], PROJECT))
    work(client)
    path, token = f"{KEYS}/{key['access']}", cloud.token()
    for status in ("inactive", "active"):
        changed = cloud.call(token, "PUT", path, json={"credential": {"status": status}})
        assert changed.json()["credential"]["status"] == status
        if status == "inactive":
            assert refusal(client) == (401, "DMS.10240101")
    work(client)
    assert cloud.call(token, "DELETE", path).status_code == 204
    assert refusal(client) == (401, "DMS.10240101")


def test_a_temporary_key_works_with_its_security_token_until_its_token_is_revoked(cloud):
    token = cloud.token()
    form = {"auth": {"identity": {"methods": ["token"], "token": {"duration-seconds": 900}}}}
    made = cloud.call(token, "POST", TEMPORARY_KEYS, json=form)
    assert made.status_code == 201, made.text
    key = made.json()["credential"]
    bare = BasicCredentials(key["access"], key["secret"], PROJECT)
    assert refusal(connect(cloud, bare)) == (401, "DMS.10240101")
    client = connect(cloud, bare.with_security_token(key["securitytoken"]))
    work(client)
    cloud.revoke(token)
    assert refusal(client)[0] == 401
