"""A broker that keeps users itself, and its users. Knows no test and no client package."""

from dataclasses import dataclass
from pathlib import Path

import requests

from broker import Broker

PROJECT = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"
OTHER_PROJECT = "e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0"
DOMAIN = "Default"
REQUEST_SECONDS_MAX = 30

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
name = "root"
password = "password of root"
project = "demo"
role = "admin"

[[auth.users]]
name = "alice"
password = "password of alice"
project = "demo"
role = "member"

[[auth.users]]
name = "carol"
password = "password of carol"
project = "demo"
role = "member"
"""


@dataclass
class Cloud:
    """The broker, with the administrator `root` and the member `alice` of project `demo`, in which `carol` is one, too,
    who may become a member of others."""

    broker: Broker

    @classmethod
    def start(cls, folder: Path) -> "Cloud":
        return cls(Broker(folder, CONFIG).start())

    @property
    def auth_url(self) -> str:
        return f"{self.broker.origin}/v3"

    def login(self, user: str = "alice") -> dict:
        """What a clouds.yaml says under `auth` for this user, but for the scope."""
        return {
            "auth_url": self.auth_url,
            "username": user,
            "password": f"password of {user}",
            "user_domain_name": DOMAIN,
        }

    def call(self, token: str, method: str, path: str, **options) -> requests.Response:
        """A request of the identity API by plain HTTP."""
        headers = {"X-Auth-Token": token, **options.pop("headers", {})}
        return requests.request(
            method, self.broker.origin + path, headers=headers, timeout=REQUEST_SECONDS_MAX, **options
        )

    def token(self, user: str = "alice", project: str = PROJECT) -> str:
        """A token by password for this project, come by without any client."""
        form = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": user, "password": f"password of {user}"}},
                },
                "scope": {"project": {"id": project}},
            }
        }
        answer = self.call("", "POST", "/v3/auth/tokens", json=form)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def user_id(self, user: str) -> str:
        """The id of this user, as the administrator finds it."""
        found = self.call(self.token("root"), "GET", "/v3/users", params={"name": user}).json()
        return found["users"][0]["id"]

    def new_project(self, name: str, member: str) -> str:
        """The id of a new project with this member."""
        root = self.token("root")
        made = self.call(root, "POST", "/v3/projects", json={"project": {"name": name}})
        assert made.status_code == 201, made.text
        project = made.json()["project"]["id"]
        role = self.call(root, "GET", "/v3/roles", params={"name": "member"}).json()["roles"][0]["id"]
        path = f"/v3/projects/{project}/users/{self.user_id(member)}/roles/{role}"
        assert self.call(root, "PUT", path).status_code == 204
        return project

    def new_key(self, user: str = "alice") -> tuple[str, str]:
        """A new permanent access key of this user: its public half and its secret."""
        made = self.call(self.token(user), "POST", "/v3.0/OS-CREDENTIAL/credentials", json={"credential": {}})
        assert made.status_code == 201, made.text
        key = made.json()["credential"]
        return key["access"], key["secret"]

    def revoke(self, token: str) -> None:
        """Makes a token void, as its owner may."""
        answer = self.call(token, "DELETE", "/v3/auth/tokens", headers={"X-Subject-Token": token})
        assert answer.status_code == 204, answer.text
