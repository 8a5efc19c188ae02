"""The picture of the results: a bar for each ratio, drawn against its goal, as plain SVG for light and dark pages."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.results import Result

WIDTH, ROW, TOP, LABELS, BARS = 1000, 26, 40, 300, 400
GOAL_AT = 0.4
"""Where the goal's line stands, as a part of the room for bars; a bar that reaches the end is cut there."""
_NUMBER = re.compile(r"≥ ([0-9.]+)")
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.met { fill: #2da44e } .missed { fill: #d29922 } .goal { stroke: #57606a; stroke-dasharray: 4 3 }
.note { fill: #57606a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .met { fill: #3fb950 } .missed { fill: #d29922 } .goal { stroke: #8b949e }
.note { fill: #8b949e }
}"""


def picture(results: Sequence[Result]) -> str:
    """Those that should reach a share of their peer: the goal is one line for all, ratios stand beside the bars."""
    shown = [(result, goal) for result in results if (goal := goal_of(result)) is not None]
    height = TOP + ROW * len(shown) + 10
    line = LABELS + GOAL_AT * BARS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-label="Ratios to the peers, against their goals">',
        f"<style>{_STYLE}</style>",
        f'<text class="note" x="{line:.0f}" y="16" text-anchor="middle">goal</text>',
        *(_row(number, result, goal) for number, (result, goal) in enumerate(shown)),
        f'<line class="goal" x1="{line:.0f}" x2="{line:.0f}" y1="22" y2="{height - 6}"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def goal_of(result: Result) -> float | None:
    """The ratio to reach; None where smaller is better, or nobody stands beside it."""
    found = _NUMBER.match(result.goal)
    return float(found[1]) if found and result.ratio is not None else None


def _row(number: int, result: Result, goal: float) -> str:
    y = TOP + ROW * number
    ratio = result.ratio or 0.0
    length = min(BARS, BARS * GOAL_AT * ratio / goal)
    said = escape(f"{ratio:.2f} × {result.peer_name}")
    return (
        f'<text x="{LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(result.name)}</text>'
        f'<rect class="{"met" if result.met else "missed"}" x="{LABELS}" y="{y}" width="{length:.1f}" height="18"/>'
        f'<text class="note" x="{LABELS + max(length, BARS * GOAL_AT) + 8:.1f}" y="{y + 13}">{said}'
        f" (≥ {goal:g})</text>"
    )
