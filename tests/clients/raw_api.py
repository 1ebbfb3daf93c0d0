"""The DMS queue API by plain HTTP, for what no client sends and for what a client hides. Knows no client package."""

from dataclasses import dataclass, field

import requests

REQUEST_SECONDS_MAX = 90


@dataclass
class RawApi:
    """One project's resources at one broker, under one of the API's prefixes."""

    origin: str
    project: str
    prefix: str = "/v1.0"
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def under(self, prefix: str) -> "RawApi":
        """The same project, addressed under another prefix."""
        return RawApi(self.origin, self.project, prefix)

    def call(self, method: str, path: str, **options) -> requests.Response:
        url = f"{self.origin}{self.prefix}/{self.project}{path}"
        return self._session.request(method, url, timeout=REQUEST_SECONDS_MAX, **options)

    def get(self, path: str, **params) -> requests.Response:
        return self.call("GET", path, params=params)

    def post(self, path: str, body) -> requests.Response:
        return self.call("POST", path, json=body)

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)

    def create_queue(self, name: str = "orders", **attrs) -> str:
        return accepted(self.post("/queues", {"name": name, **attrs}), 201)["id"]

    def create_groups(self, queue: str, *names: str) -> list[str]:
        body = {"groups": [{"name": name} for name in names]}
        created = accepted(self.post(f"/queues/{queue}/groups", body), 201)
        return [group["id"] for group in created["groups"]]

    def send(self, queue: str, *messages: dict, **options) -> list[dict]:
        body = {"messages": list(messages), **options}
        return accepted(self.post(f"/queues/{queue}/messages", body), 201)["messages"]

    def send_bodies(self, queue: str, *bodies) -> list[dict]:
        return self.send(queue, *({"body": body} for body in bodies))

    def consume(self, queue: str, group: str, **params) -> list[dict]:
        """One call, which waits for one second at most unless `time_wait` says otherwise."""
        path = f"/queues/{queue}/groups/{group}/messages"
        return accepted(self.get(path, **{"time_wait": 1, **params}), 200)

    def consume_dead_letters(self, queue: str, group: str, **params) -> list[dict]:
        path = f"/queues/{queue}/groups/{group}/deadletters"
        return accepted(self.get(path, **{"time_wait": 1, **params}), 200)

    def ack(self, queue: str, group: str, *entries: dict) -> requests.Response:
        return self.post(f"/queues/{queue}/groups/{group}/ack", {"message": list(entries)})

    def settle(self, queue: str, group: str, deliveries: list[dict]) -> dict:
        """Acknowledges every delivery as a success and returns the counts."""
        entries = [success(delivery) for delivery in deliveries]
        return accepted(self.ack(queue, group, *entries), 200)

    def group_counters(self, queue: str, group: str) -> dict:
        listed = accepted(self.get(f"/queues/{queue}/groups", include_deadletter="true"), 200)
        return next(entry for entry in listed["groups"] if entry["id"] == group)


def success(delivery: dict) -> dict:
    return {"handler": delivery["handler"], "status": "success"}


def fail(delivery: dict) -> dict:
    return {"handler": delivery["handler"], "status": "fail"}


def bodies(deliveries: list[dict]) -> list:
    return [delivery["message"]["body"] for delivery in deliveries]


def accepted(response: requests.Response, status: int):
    """The JSON of an answer that must have this status; None when it has no body."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    return response.json() if response.content else None


def refused(response: requests.Response, status: int, code: str | None = None) -> str:
    """The text of an error that must have this status and code, in the one shape that every error has."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["X-Request-Id"]
    error = response.json()
    assert set(error) == {"error_code", "error_msg"}
    assert code in (None, error["error_code"]), error
    assert error["error_msg"]
    return error["error_msg"]
