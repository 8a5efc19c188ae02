"""A program as an integrator writes one, with authlib and nothing of ours: enrolls a person where there is room.

It is given the address of the authorization server's metadata (RFC 8414), its id and its secret, and prints the
enrollment.
"""

import json
import os
import sys
from urllib.parse import urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

SECONDS = 20


def discovered(address: str) -> tuple[AuthorizationServerMetadata, str]:
    """What the server says of itself, and where its API is (RFC 9728)."""
    metadata = AuthorizationServerMetadata(requests.get(address, timeout=SECONDS).json())
    metadata.validate()
    assert get_well_known_url(metadata["issuer"], external=True) == address, "it is another issuer's metadata"
    parts = urlsplit(address)
    described = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource"
    resource = requests.get(described, timeout=SECONDS).json()
    assert metadata["issuer"] in resource["authorization_servers"]
    return metadata, resource["resource"]


def main(address: str, client_id: str, secret: str, employee: int, method: str) -> None:
    metadata, api = discovered(address)
    assert method in metadata["token_endpoint_auth_methods_supported"]
    session = OAuth2Session(
        client_id, secret, token_endpoint=metadata["token_endpoint"], token_endpoint_auth_method=method
    )
    session.fetch_token(grant_type="client_credentials", scope="training.view training.enroll", timeout=SECONDS)
    found = session.get(f"{api}/api/v1/training/sessions", params={"status": "scheduled"}, timeout=SECONDS)
    found.raise_for_status()
    [first, *_] = [each["id"] for each in found.json()["data"] if each["available_spots"]]
    body = {"session_id": first, "employee_ids": [employee]}
    enrolled = session.post(f"{api}/api/v1/training/enrollments", json=body, timeout=SECONDS)
    enrolled.raise_for_status()
    sys.stdout.write(json.dumps(enrolled.json()["data"]["enrollments"][0]))


if __name__ == "__main__":
    main(sys.argv[1], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], int(sys.argv[2]), sys.argv[3])
