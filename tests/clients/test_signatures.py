"""Access keys: signed requests in both dialects, by huaweicloudsdkdms and by a signer of our own."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import openstack
import pytest
import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdms import v2
from huaweicloudsdkdms.v2 import DmsClient

from broker import Broker
from signing import DATE_FORMAT, Key, ScopedSignature, Signature

PROJECT = "0123456789abcdef0123456789abcdef"
OTHER_PROJECT = "fedcba9876543210fedcba9876543210"
DECLARED = Key("AKEXAMPLE0001", "SKexampleSecret0001")
PASSWORD = "correct horse"
CONFIG = f"""
[auth]
mode = "local"
[[auth.projects]]
id = "{PROJECT}"
name = "demo"
[[auth.projects]]
id = "{OTHER_PROJECT}"
name = "other"
[[auth.users]]
name = "alice"
password = "{PASSWORD}"
project = "demo"
role = "admin"
access_key = "{DECLARED.access}"
secret_key = "{DECLARED.secret}"
"""
DIALECTS = {
    "Access": lambda key=DECLARED, **more: Signature(key, **more),
    "Credential": lambda key=DECLARED, **more: ScopedSignature(key, **more),
    "Credential with a scope": lambda key=DECLARED, **more: ScopedSignature(
        key, region="eu-de", service="dms", **more
    ),
}
BAD_SIGNATURE = (401, "DMS.10240101")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    running = Broker(tmp_path_factory.mktemp("broker"), CONFIG).start()
    yield running
    assert running.stop() == 0, running.log
    assert DECLARED.secret not in running.log


@pytest.fixture(scope="module")
def identity(broker):
    """The session of the user who owns the declared key, logged in by password."""
    auth = {
        "auth_url": f"{broker.origin}/v3",
        "username": "alice",
        "password": PASSWORD,
        "project_name": "demo",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    return openstack.connection.Connection(auth=auth).session


@pytest.fixture(params=DIALECTS.values(), ids=DIALECTS)
def signature(request):
    return request.param


@pytest.fixture
def url(broker) -> str:
    return f"{broker.origin}/v1.0/{PROJECT}/queues"


def names_of(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [queue["name"] for queue in response.json()["queues"]]


def refusal(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error_code"]


def create(url, auth) -> str:
    response = requests.post(url, json={"name": f"q-{uuid.uuid4().hex[:8]}"}, auth=auth, timeout=30)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def prepared(method, url, auth, **more) -> requests.PreparedRequest:
    """A signed request, still in our hands."""
    return requests.Request(method, url, auth=auth, **more).prepare()


def send(request: requests.PreparedRequest) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.send(request, timeout=30)


def connect_huawei(broker, key: Key, project: str = PROJECT) -> DmsClient:
    credentials = BasicCredentials(key.access, key.secret, project)
    if key.security_token:
        credentials = credentials.with_security_token(key.security_token)
    return DmsClient.new_builder().with_credentials(credentials).with_endpoint(broker.origin).build()


def temporary_key(broker, identity) -> Key:
    body = {"auth": {"identity": {"methods": ["token"], "token": {"duration-seconds": 900}}}}
    answer = identity.post(f"{broker.origin}/v3.0/OS-CREDENTIAL/securitytokens", json=body)
    credential = answer.json()["credential"]
    return Key(credential["access"], credential["secret"], credential["securitytoken"])


# ---- our own signer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "body", "signature"),
    [
        (Signature(DECLARED), None, "76d78879665885d07fbeacfcba08aa682744e5a330be3b3cd3b726ac2ae94584"),
        (Signature(DECLARED), '{"name":"q1"}', "2adcbb7ad6e4433a37a0b1e60ffb763f70a503710cc99d2849760e9d12a478b5"),
        (ScopedSignature(DECLARED), None, "def265532c72fa3470d68d134266f8a33d72535937256af4c8f381c90daef561"),
        (
            ScopedSignature(DECLARED, region="eu-de", service="dms"),
            None,
            "81c34d3cbdfdb5e24f06b42e9a6a811fe4eeb1fabc5e303c13b68247b30a40a2",
        ),
    ],
)
def test_the_signer_of_these_tests_signs_as_the_reference_says(auth, body, signature):
    url = f"https://dms.example.test/v1.0/{PROJECT}/queues"
    auth = replace(auth, date="20240102T030405Z")
    if body is None:
        request = prepared("GET", f"{url}?include_deadletter=true", auth)
    else:
        request = prepared("POST", url, auth, data=body, headers={"Content-Type": "application/json"})
    assert request.headers["Authorization"].endswith(f"Signature={signature}")


# ---- both dialects ---------------------------------------------------------------------------------------------------


def test_a_signed_request_is_served_on_every_prefix(broker, signature):
    for prefix in ("/v1.0", "/v1", "/v2"):
        url = f"{broker.origin}{prefix}/{PROJECT}/queues"
        queue = create(url, signature())
        shown = requests.get(f"{url}/{queue}", params={"include_deadletter": "true"}, auth=signature(), timeout=30)
        assert shown.json()["id"] == queue


def test_a_path_and_a_query_that_need_encoding_are_signed_as_they_mean(broker, url, signature):
    queue = create(url, signature())
    tags = f"{broker.origin}/v1.0/{PROJECT}/queue/{queue}/tags"
    tag = {"tag": {"key": "cost centre", "value": "a+b"}}
    assert requests.post(tags, json=tag, auth=signature(), timeout=30).status_code == 204
    assert requests.delete(f"{tags}/cost%20centre", auth=signature(), timeout=30).status_code == 204
    listed = requests.get(f"{url}?b=%C3%BC+%2B&Bb=2&a=1&c=%7e", auth=signature(), timeout=30)
    assert queue in [found["id"] for found in listed.json()["queues"]]


def test_a_repeated_parameter_is_refused_where_clients_sign_only_its_first_value(url):
    repeated = f"{url}?a=1&a"
    names_of(requests.get(repeated, auth=Signature(DECLARED), timeout=30))
    assert refusal(requests.get(repeated, auth=ScopedSignature(DECLARED), timeout=30)) == BAD_SIGNATURE


def test_a_post_without_a_body_is_signed_with_its_query(broker, url, signature):
    queue = create(url, signature())
    purge = f"{broker.origin}/ext/v1/{PROJECT}/queues/{queue}/purge?why=test"
    answer = requests.post(purge, auth=signature(), timeout=30)
    assert answer.ok, answer.text
    assert refusal(send(altered(prepared("POST", purge, signature()), url=purge + "s"))) == BAD_SIGNATURE


def altered(request, **changes) -> requests.PreparedRequest:
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def test_nothing_that_is_signed_can_be_altered(url, signature):
    name = f"q-{uuid.uuid4().hex[:8]}"

    def fresh():
        headers = {"Content-Type": "application/json", "X-Note": "free"}
        return prepared("POST", f"{url}?a=1", signature(), data=f'{{"name":"{name}"}}', headers=headers)

    headers = fresh().headers
    a_minute_ago = (datetime.now(UTC) - timedelta(minutes=1)).strftime(DATE_FORMAT)
    for changed in (
        altered(fresh(), body=f'{{"name":"{name[::-1]}"}}'),
        altered(fresh(), url=f"{url}?a=2"),
        altered(fresh(), url=f"{url}?a=1&b=1"),
        altered(fresh(), url=url.replace(PROJECT, OTHER_PROJECT) + "?a=1"),
        altered(fresh(), method="GET"),
        altered(fresh(), headers={**headers, "Content-Type": "text/plain"}),
        altered(fresh(), headers={**headers, "X-Sdk-Date": a_minute_ago}),
        altered(fresh(), headers={**headers, "Authorization": headers["Authorization"][:-1] + "x"}),
    ):
        assert refusal(send(changed)) == BAD_SIGNATURE
    note_is_unsigned = altered(fresh(), headers={**fresh().headers, "X-Note": "changed"})
    assert send(note_is_unsigned).status_code == 201


def test_a_key_that_is_wrong_is_refused(url, signature):
    for key in (Key(DECLARED.access, "other"), Key("AKUNKNOWN", DECLARED.secret), Key("", "")):
        assert refusal(requests.get(url, auth=signature(key), timeout=30)) == BAD_SIGNATURE


@pytest.mark.parametrize(("minutes", "status"), [(-16, 401), (-14, 200), (14, 200), (16, 401)])
def test_a_clock_may_be_wrong_by_a_quarter_of_an_hour(url, signature, minutes, status):
    date = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime(DATE_FORMAT)
    assert requests.get(url, auth=signature(date=date), timeout=30).status_code == status


def test_the_project_that_a_header_names_must_be_that_of_the_path(url, signature):
    names_of(requests.get(url, auth=signature(project=PROJECT), timeout=30))
    refused = requests.get(url, auth=signature(project=OTHER_PROJECT), timeout=30)
    assert refused.status_code == 401


def test_a_key_reaches_no_project_in_which_its_owner_has_no_role(url, signature):
    other = url.replace(PROJECT, OTHER_PROJECT)
    assert refusal(requests.get(other, auth=signature(), timeout=30)) == (401, "DMS.10240104")


def test_a_body_without_a_hash_is_accepted_unless_it_is_json(url, signature):
    auth = signature(content_hash="UNSIGNED-PAYLOAD")
    name = f"q-{uuid.uuid4().hex[:8]}"
    as_json = requests.post(url, json={"name": name}, auth=auth, timeout=30)
    assert refusal(as_json) == BAD_SIGNATURE
    headers = {"Content-Type": "application/octet-stream"}
    plain = requests.post(url, data=f'{{"name":"{name}"}}', headers=headers, auth=auth, timeout=30)
    assert plain.status_code == 201, plain.text


def test_another_algorithm_is_refused(url):
    request = prepared("GET", url, Signature(DECLARED))
    for algorithm in ("V11-HMAC-SHA256", "SDK-HMAC-SM3", "SDK-ECDSA-P256-SHA256"):
        changed = request.headers["Authorization"].replace("SDK-HMAC-SHA256", algorithm)
        assert refusal(send(altered(request.copy(), headers={**request.headers, "Authorization": changed}))) == (
            BAD_SIGNATURE
        )


def test_a_temporary_key_needs_its_security_token(broker, identity, url, signature):
    key = temporary_key(broker, identity)
    names_of(requests.get(url, auth=signature(key), timeout=30))
    for wrong in (
        replace(key, security_token=""),
        replace(key, security_token=temporary_key(broker, identity).security_token),
        replace(key, security_token=key.security_token[:-2] + "zz"),
        replace(key, secret=DECLARED.secret),
        replace(DECLARED, security_token=key.security_token),
    ):
        assert refusal(requests.get(url, auth=signature(wrong), timeout=30)) == BAD_SIGNATURE


def test_a_key_is_created_stopped_and_deleted_over_the_api(broker, identity, url, signature):
    keys = f"{broker.origin}/v3.0/OS-CREDENTIAL/credentials"
    created = identity.post(keys, json={"credential": {"user_id": identity.get_user_id()}}).json()["credential"]
    key = Key(created["access"], created["secret"])
    names_of(requests.get(url, auth=signature(key), timeout=30))
    one = f"{keys}/{key.access}"
    for status, expected in (("inactive", 401), ("active", 200)):
        assert identity.put(one, json={"credential": {"status": status}}).status_code == 200
        assert requests.get(url, auth=signature(key), timeout=30).status_code == expected
    assert identity.delete(one).status_code == 204
    assert refusal(requests.get(url, auth=signature(key), timeout=30)) == BAD_SIGNATURE


def test_who_signs_finds_the_project_the_domain_and_the_catalogue(broker, signature):
    def found(path):
        response = requests.get(f"{broker.origin}/v3{path}", auth=signature(), timeout=30)
        assert response.status_code == 200, response.text
        return response.json()

    assert [project["id"] for project in found("/projects?name=demo")["projects"]] == [PROJECT]
    assert [domain["id"] for domain in found("/auth/domains?name=Default")["domains"]] == ["default"]
    types = {service["type"] for service in found("/auth/catalog")["catalog"]}
    assert types >= {"identity", "dms", "dmsv1", "dmsv2"}


# ---- huaweicloudsdkdms -----------------------------------------------------------------------------------------------


def test_the_huawei_client_finds_the_project_by_its_name(broker):
    credentials = BasicCredentials(DECLARED.access, DECLARED.secret).with_iam_endpoint(broker.origin)
    region = Region("demo", broker.origin)
    client = DmsClient.new_builder().with_credentials(credentials).with_region(region).build()
    client.list_queues(v2.ListQueuesRequest())
    assert credentials.project_id == PROJECT


def test_the_huawei_client_signs_with_a_temporary_key(broker, identity):
    client = connect_huawei(broker, temporary_key(broker, identity))
    created = client.create_queue(v2.CreateQueueRequest(body=v2.CreateQueueReq(name=f"q-{uuid.uuid4().hex[:8]}")))
    shown = client.show_queue(v2.ShowQueueRequest(queue_id=created.id))
    assert shown.id == created.id


@pytest.mark.parametrize(
    ("key", "project", "code"),
    [
        (Key(DECLARED.access, "other"), PROJECT, "DMS.10240101"),
        (Key("AKUNKNOWN", DECLARED.secret), PROJECT, "DMS.10240101"),
        (DECLARED, OTHER_PROJECT, "DMS.10240104"),
    ],
    ids=["secret", "key", "project"],
)
def test_the_huawei_client_is_told_that_its_key_is_wrong(broker, key, project, code):
    with pytest.raises(ClientRequestException) as caught:
        connect_huawei(broker, key, project).list_queues(v2.ListQueuesRequest())
    assert (caught.value.status_code, caught.value.error_code) == (401, code)
