"""What a read costs the database."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counting:
    """A connection that counts its round trips and rows."""

    connection: Any
    statements: list[str] = field(default_factory=list)
    rows: int = 0

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        self.statements.append(statement)
        found = await self.connection.fetch(statement, *arguments)
        self.rows += len(found)
        return found

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        return (await self.fetch(statement, *arguments))[0][0]
