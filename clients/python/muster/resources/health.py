"""Methods of health.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.models.health import Live, Ready
from muster.resource import Resource


class HealthResource(Resource):
    """`client.health`."""

    def live(
        self,
        *,
        request_id: str | None = None,
    ) -> Live:
        """Check that the gateway runs."""
        return self._whole(
            Live,
            "GET",
            "/health/live",
            request_id=request_id,
            is_public=True,
        )

    def ready(
        self,
        *,
        request_id: str | None = None,
    ) -> Ready:
        """Check that the gateway can work.

        503 while something is unavailable that it cannot work without; `checks` says which. It also says whether
        Redis and each service are available, without which the gateway works on, and is no more than a second old.
        """
        return self._whole(
            Ready,
            "GET",
            "/health/ready",
            request_id=request_id,
            is_public=True,
        )
