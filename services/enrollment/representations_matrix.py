"""What enrollment answers about the compliance matrix (contract, section 4)."""

from shared.http.representation import Named, Representation


class MatrixCell(Representation):
    """How many people the requirement applies to, and how they stand to it; `ends_in_60_days` counts what ends in 30,
    too."""

    requirement: Named
    applies: int
    met: int
    grace: int
    lacking: int
    ends_in_30_days: int
    ends_in_60_days: int
    ends_in_90_days: int


class MatrixRow(Representation):
    """`id` and `name` are those of the company, the project or the label; `name` is `null` where nothing has the id."""

    id: int | None
    name: str | None
    requirements: list[MatrixCell]


class ComplianceMatrix(Representation):
    """`next`: what `after` is for the rows that follow; `null` behind the last one."""

    rows: list[MatrixRow]
    next: int | None
