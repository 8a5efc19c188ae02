"""Methods of imports.

Written by `./dev documents`: change the routes, or what writes this.
"""

from typing import Literal

from muster.arguments import File
from muster.async_resources.imports_completions import AsyncImportsCompletionsResource
from muster.async_resources.imports_courses import AsyncImportsCoursesResource
from muster.async_resources.imports_people import AsyncImportsPeopleResource
from muster.async_resources.imports_sessions import AsyncImportsSessionsResource
from muster.async_transport import AsyncTransport
from muster.models.imports import ImportItem
from muster.sending import AsyncFollowing


class AsyncImportsResource(AsyncFollowing):
    """`client.imports`."""

    def __init__(self, transport: AsyncTransport) -> None:
        super().__init__(transport)
        self.completions = AsyncImportsCompletionsResource(transport)
        self.courses = AsyncImportsCoursesResource(transport)
        self.people = AsyncImportsPeopleResource(transport)
        self.sessions = AsyncImportsSessionsResource(transport)

    async def create(
        self,
        file: File,
        content_type: Literal["text/csv", "application/x-ndjson"] = "text/csv",
        *,
        kind: Literal["people", "courses", "sessions", "completions"],
        mode: Literal["changes", "complete"] | None = None,
        dry_run: bool | None = None,
        request_id: str | None = None,
    ) -> ImportItem:
        """Import file.

        The body is a file, `text/csv` with a header or `application/x-ndjson`, of at most 64 MiB, and as long
        unpacked with `Content-Encoding: gzip`. It is applied by line once it is stored: the import at `Location`
        tells how far it is.

        Needs the permission `training.manage`.
        """
        return await self._one(
            ImportItem,
            "POST",
            "/api/v1/imports",
            query={"kind": kind, "mode": mode, "dry_run": dry_run},
            file=file,
            content_type=content_type,
            request_id=request_id,
        )
