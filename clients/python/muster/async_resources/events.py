"""Methods of events.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.feed import AsyncFeed
from muster.models.events import FeedPage


class AsyncEventsResource(AsyncFeed):
    """`client.events`."""

    async def list(
        self,
        *,
        after: str | None = None,
        types: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
        request_id: str | None = None,
    ) -> FeedPage:
        """List events.

        Every event of the organisation, each once, in an order in which none can be missed. Ask again with `next`
        as `after`: at once while `has_more` is true, else with `wait`, which answers as soon as there is an event.
        Events are kept for 30 days.

        Needs the permission `events.view`.
        """
        return await self._whole(
            FeedPage,
            "GET",
            "/api/v1/events",
            query={"after": after, "types": types, "limit": limit, "wait": wait},
            request_id=request_id,
        )
