"""The list of licences is complete and up to date, and an unknown licence does not pass."""

from email.message import Message
from pathlib import Path

import pytest

from stack.commands import licences
from stack.commands.licences import ALLOWED, Package, check_page, is_allowed, licence_of, pinned
from stack.errors import StackError
from stack.paths import REPOSITORY

HYPOTHESIS = Package("hypothesis", "1", "")


def test_the_page_is_up_to_date() -> None:
    check_page()


def test_control_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "PAGE", tmp_path / "licences.md")
    with pytest.raises(StackError, match="out of date"):
        check_page()
    licences.write_page()
    check_page()


def test_a_licence_that_nobody_allowed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "ALLOWED", ALLOWED - {"MPL-2.0"})
    with pytest.raises(StackError, match=r"hypothesis: MPL-2\.0"):
        check_page()


def test_every_pinned_package_is_found_with_its_condition(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(
        "aio-pika==10.2.1 \\\n    --hash=sha256:0\n    # via x\n"
        "async-timeout==5.0 ; python_full_version < '3.11.3' \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
    )
    assert pinned(lock) == [
        Package("aio-pika", "10.2.1", ""),
        Package("async-timeout", "5.0", "python_full_version < '3.11.3'"),
    ]


def test_no_line_of_a_lock_is_passed_over() -> None:
    for name in (licences.RUNTIME, licences.DEVELOPMENT):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        assert len(pinned(REPOSITORY / name)) == sum("==" in line.split(" ")[0] for line in text.splitlines())


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "Apache-2.0 OR MIT"), ("License", "other")], "Apache-2.0 OR MIT"),
        ([("Classifier", "License :: OSI Approved :: MIT License"), ("License", "other")], "MIT"),
        (
            [
                ("Classifier", "License :: OSI Approved :: MIT License"),
                ("Classifier", "License :: OSI Approved :: Apache Software License"),
            ],
            "Apache-2.0 AND MIT",
        ),
        ([("Classifier", "License :: OSI Approved :: BSD License"), ("License", "BSD-3-Clause")], "BSD-3-Clause"),
        ([("Classifier", "License :: OSI Approved :: BSD License")], "unknown"),
        ([("License", "Apache 2.0")], "Apache-2.0"),
        ([("License", "Our own licence")], "Our own licence"),
        ([("License", "a whole\ntext")], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_most_exact_field_counts(
    fields: list[tuple[str, str]], licence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = Message()
    for name, value in fields:
        message.add_header(name, value)
    monkeypatch.setattr(licences, "metadata", lambda _: message)
    assert licence_of(HYPOTHESIS) == licence


def test_a_package_that_is_missing_is_not_passed_over() -> None:
    assert licence_of(Package("no-such-package", "1", "")) == "not installed"
    assert licence_of(Package("no-such-package", "1", "sys_platform == 'win32'")) == "unknown"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("(Apache-2.0 OR BSD-3-Clause) AND PSF-2.0", True),
        ("MIT OR GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("unknown", False),
        ("not installed", False),
        ("", False),
    ],
)
def test_every_licence_named_must_be_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) == allowed


def test_the_example_is_made_of_the_packages_that_the_tests_run_it_with() -> None:
    def versions(lock: str) -> set[tuple[str, str]]:
        return {(package.name, package.version) for package in pinned(REPOSITORY / lock)}

    example = versions("examples/subscriber/requirements.lock")
    assert {"aio-pika", "faststream"} <= {name for name, _ in example}
    assert example <= versions("requirements-dev.lock")
