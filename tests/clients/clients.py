"""Logs the client packages in: to a broker that asks nobody who they are, or by what a clouds.yaml says. Knows no test."""

import openstack
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdms.v2 import DmsClient
from otcextensions import sdk

from broker import Broker

# A broker that asks nobody who they are does not look at signatures.
ANY_KEY = ("AKEXAMPLE0001", "SKexampleSecret0001")


def connect_otcextensions(broker: Broker, project: str):
    """`conn.dms` of otcextensions, with any token and the endpoint in place of a Keystone."""
    connection = openstack.connection.Connection(
        auth_type="admin_token",
        auth={"endpoint": f"{broker.origin}/v1.0/{project}", "token": "any"},
    )
    sdk.register_otc_extensions(connection)
    return connection.dms


def log_in(auth_type: str | None = None, **auth) -> openstack.connection.Connection:
    """A connection with otcextensions on it, logged in by these words of a clouds.yaml's `auth`."""
    connection = openstack.connection.Connection(auth_type=auth_type, auth=auth)
    sdk.register_otc_extensions(connection)
    return connection


def connect_huawei(broker: Broker, project: str, key: tuple[str, str] = ANY_KEY) -> DmsClient:
    """The client of huaweicloudsdkdms, which signs every request with this key pair."""
    return (
        DmsClient.new_builder()
        .with_credentials(BasicCredentials(*key, project))
        .with_endpoint(broker.origin)
        .build()
    )
