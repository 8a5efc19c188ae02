import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from shared.validation.https_url import MAX_URL, https_url

GOOD = [
    "https://x.example",
    "https://x.example/",
    "https://x.example:8443/a/b;c=d/e@f:g,h!$&'()*+?q=a/b?c&d=%20#f/g?",
    "https://x.example//a//",
    "https://x.example?q",
    "https://x.example#f",
    "https://xn--bcher-kva.example/%C3%A9",
    "https://example.org./~User/_-.",
    "https://127.0.0.1/x",
    "https://[2001:db8::1]:443/x",
    "https://[::ffff:1.2.3.4]/",
    "https://a_b.example/",
    "https://localhost/",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_url_in_its_normal_form_stays_exactly_as_it_is(url: str) -> None:
    assert https_url(url) == url


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("HTTPS://EXAMPLE.COM/X", "https://example.com/X"),
        ("hTTps://Example.COM:8443?Q#F", "https://example.com:8443?Q#F"),
        ("https://[2001:DB8::A]/A", "https://[2001:db8::a]/A"),
        ("https://XN--Bcher-KVA.example/", "https://xn--bcher-kva.example/"),
        ("https://x.example/Zürich/証明?q=ü#é", "https://x.example/Z%C3%BCrich/%E8%A8%BC%E6%98%8E?q=%C3%BC#%C3%A9"),
        ("https://x.example/%c3%bc/ü", "https://x.example/%c3%bc/%C3%BC"),
        ("https://x.example/\U0001f393", "https://x.example/%F0%9F%8E%93"),
    ],
)
def test_a_url_is_stored_in_its_normal_form(written: str, normal: str) -> None:
    assert https_url(written) == normal
    assert https_url(normal) == normal


def test_the_normal_form_is_no_longer_than_a_url_may_be() -> None:
    start = "https://x.example/"
    longest = start + "ü" * ((MAX_URL - len(start)) // 6)
    assert len(https_url(longest)) <= MAX_URL
    with pytest.raises(ValueError, match="at most 2048 characters once it is percent-encoded"):
        https_url(longest + "ü")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://x.example", "must be an https URL"),
        ("HTTP://x.example", "must be an https URL"),
        ("httpſ://x.example", "must be an https URL"),
        (" https://x.example", "must be an https URL"),
        ("https://x.example/\u202egpj", "must be an https URL"),
        ("https://x.example/\u200b", "must be an https URL"),
        ("https://x.example/\u2028", "must be an https URL"),
        ("https://x.example/\xa0", "must be an https URL"),
        ("https://x.example/\ue000", "must be an https URL"),
        ("https://bücher.example/", "must have a valid host in ASCII"),
        ("https://ＡＢ.example/", "must have a valid host in ASCII"),
        ("https://x.example。evil.example/", "must have a valid host in ASCII"),
        ("https://b%C3%BCcher.example/", "must have a valid host in ASCII"),
        ("https://127.0x1/", "must have a valid host"),
        ("https://0x7f000001/", "must have a valid host"),
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
    assert read.host == read.host.lower()
    assert https_url(url) == url
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
