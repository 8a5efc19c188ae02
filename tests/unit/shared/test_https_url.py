import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from shared.validation.https_url import https_url

GOOD = [
    "https://x.example",
    "https://x.example/",
    "https://x.example:8443/a/b;c=d/e@f:g,h!$&'()*+?q=a/b?c&d=%20#f/g?",
    "https://x.example//a//",
    "https://x.example?q",
    "https://x.example#f",
    "https://xn--bcher-kva.example/%C3%A9",
    "https://EXAMPLE.org./~user/_-.",
    "https://127.0.0.1/x",
    "https://[2001:db8::1]:443/x",
    "https://[::ffff:1.2.3.4]/",
    "https://a_b.example/",
    "https://localhost/",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_url_stays_exactly_as_it_is(url: str) -> None:
    assert https_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://x.example", "must be an https URL"),
        ("HTTPS://x.example", "must be an https URL"),
        ("https://x.example/ ", "must be an https URL"),
        ("https://x.example/\n", "must be an https URL"),
        ("https://x.example\n", "must have a valid host"),
        ("https://trusted.test@evil.test/", "must not contain a user name or password"),
        ("https://a:b@x.example", "must not contain a user name or password"),
        ("https://a.test\\@b.test", "must not contain a user name or password"),
        ("https://a.test\\b", "must have a valid host"),
        ("https://", "must have a valid host"),
        ("https:///x", "must have a valid host"),
        ("https://x.example:99999/", "must have a valid host"),
        ("https://[fe80::1%25eth0]/", "must have a valid host"),
        ("https://" + "a" * 64 + ".example/", "must have a valid host"),
        ("https://" + ".".join(["a" * 60] * 5), "must have a valid host"),
    ],
)
def test_anything_else_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        https_url(url)


@given(st.text(alphabet="aA1.:/@?#[]%2F\\ \t\n-é;'\"", max_size=30))
def test_what_is_taken_means_the_same_to_another_reader(rest: str) -> None:
    try:
        url = https_url(f"https://{rest}")
    except ValueError:
        return
    read = URL(url, encoded=True)
    assert (read.scheme, read.user, read.password) == ("https", None, None)
    assert read.host
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
