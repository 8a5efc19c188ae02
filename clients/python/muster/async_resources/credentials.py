"""Methods of credentials.

Written by `./dev documents`: change the routes, or what writes this.
"""

from typing import Literal

from muster.arguments import Tag
from muster.async_resource import AsyncResource
from muster.models.enrollments import DidDocument


class AsyncCredentialsResource(AsyncResource):
    """`client.credentials`."""

    async def verify(
        self,
        code: str,
        *,
        request_id: str | None = None,
    ) -> str:
        """Verify credential.

        A page for people: whether the certificate with this code is valid, expired or revoked, and what it says.
        Where `Accept` is `application/vc+jwt`, the credential itself, for programs.
        """
        return await self._text(
            "text/html",
            "GET",
            "/verify/{code}",
            ids={"code": code},
            request_id=request_id,
            is_public=True,
        )

    async def verify_file(
        self,
        code: str,
        media_type: Literal["application/vc+jwt"] = "application/vc+jwt",
        *,
        request_id: str | None = None,
    ) -> bytes:
        """Verify credential, as a file."""
        return await self._file(
            media_type,
            "GET",
            "/verify/{code}",
            ids={"code": code},
            request_id=request_id,
            is_public=True,
        )

    async def issuer(
        self,
        id: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> DidDocument:
        """Read issuer of credentials.

        The keys by which others verify the credentials of an organisation: its `did:web` leads here.
        """
        return await self._whole(
            DidDocument,
            "GET",
            "/credentials/{id}/did.json",
            ids={"id": id},
            if_none_match=if_none_match,
            request_id=request_id,
            is_public=True,
        )

    async def status_list(
        self,
        id: int,
        list: int,
        *,
        if_none_match: Tag | None = None,
        request_id: str | None = None,
    ) -> str:
        """Read status list.

        Which credentials of an organisation are revoked, as a signed Bitstring Status List v1.0. What is revoked is
        there at once; whoever keeps the list asks again after 30 seconds.
        """
        return await self._text(
            "application/vc+jwt",
            "GET",
            "/credentials/{id}/status/{list}",
            ids={"id": id, "list": list},
            if_none_match=if_none_match,
            request_id=request_id,
            is_public=True,
        )
