"""`python -m tests.support.standings_program`: of enrollment's worker what looks at how people stand, and nothing else.

`DATABASE_URL` is enrollment's.
"""

import asyncio
import os

from services.enrollment.use_cases.standings import follow_standings
from shared.postgres.pool import connection_pool


async def main() -> None:
    async with connection_pool(os.environ["DATABASE_URL"], name="enrollment", size=2) as pool:
        await follow_standings(pool)


if __name__ == "__main__":
    asyncio.run(main())
