"""Logs the client packages in to a broker that asks nobody who they are. Knows no test."""

import openstack
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdms.v2 import DmsClient
from otcextensions import sdk

from broker import Broker


def connect_otcextensions(broker: Broker, project: str):
    """`conn.dms` of otcextensions, with any token and the endpoint in place of a Keystone."""
    connection = openstack.connection.Connection(
        auth_type="admin_token",
        auth={"endpoint": f"{broker.origin}/v1.0/{project}", "token": "any"},
    )
    sdk.register_otc_extensions(connection)
    return connection.dms


def connect_huawei(broker: Broker, project: str) -> DmsClient:
    """The client of huaweicloudsdkdms, which signs every request with any key pair."""
    return (
        DmsClient.new_builder()
        .with_credentials(BasicCredentials("AKEXAMPLE0001", "SKexampleSecret0001", project))
        .with_endpoint(broker.origin)
        .build()
    )
