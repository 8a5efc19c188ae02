"""What is shown without a terminal: a line now and then, and nothing that a terminal would act on."""

import io

from rich.console import Console

from muster.progress import LINE_SECONDS, Screen, amount, printable


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_every_few_seconds_and_one_at_the_end() -> None:
    file, clock = io.StringIO(), Clock()
    with Screen(Console(file=file), clock=clock).bar("Sending") as bar:
        for done in range(100):
            clock.now = done * LINE_SECONDS / 10
            bar.show(done, 99, f"{done} bytes")
    lines = file.getvalue().splitlines()
    assert lines[0] == "Sending: 10 %, 10 bytes"
    assert lines[-1] == "Sending: 100 %, 99 bytes"
    assert len(lines) == 10


def test_quiet() -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file), quiet=True)
    with screen.bar("Sending") as bar:
        bar.show(1, 1, "all")
    screen.note("a note")
    screen.say("an error")
    assert file.getvalue() == "an error\n"


def test_what_a_terminal_would_act_on_is_left_out() -> None:
    assert printable("a\x1b[31mb\x07\nc\u202ed") == "a?[31mb?\nc?d"
    file = io.StringIO()
    Screen(Console(file=file, force_terminal=True)).say("[red]not[/red] \x1b[31m" + "x" * 200)
    assert file.getvalue() == "[red]not[/red] ?[31m" + "x" * 200 + "\n"


def test_amounts() -> None:
    assert [amount(size) for size in (0, 1023, 1024, 5_000_000, 2**40)] == [
        "0 bytes",
        "1023 bytes",
        "1.0 KiB",
        "4.8 MiB",
        "1024.0 GiB",
    ]
