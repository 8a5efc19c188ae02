"""The bounded cache: what counts as a use, and what goes when it is full."""

from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.lru import LruCache


def cache_of(*keys: str, size: int = 3) -> LruCache[str, str]:
    cache: LruCache[str, str] = LruCache(size)
    for key in keys:
        cache.put(key, key.upper())
    return cache


def keys(cache: LruCache[str, str]) -> str:
    return "".join(key for key, _ in cache.items())


def test_a_full_cache_drops_the_entry_used_longest_ago() -> None:
    cache = cache_of("a", "b", "c")
    assert cache.get("a") == "A"
    cache.put("d", "D")
    assert keys(cache) == "cad"
    assert cache.get("b") is None


def test_replacing_an_entry_is_a_use_and_drops_nothing() -> None:
    cache = cache_of("a", "b", "c")
    cache.put("a", "new")
    assert cache.items() == [("b", "B"), ("c", "C"), ("a", "new")]


def test_looking_whether_a_key_is_there_is_no_use() -> None:
    cache = cache_of("a", "b", "c")
    assert "a" in cache
    cache.put("d", "D")
    assert "a" not in cache


def test_an_entry_is_removed_once_and_then_gone() -> None:
    cache = cache_of("a", "b")
    cache.remove("a")
    cache.remove("a")
    assert (keys(cache), len(cache)) == ("b", 1)
    cache.clear()
    assert len(cache) == 0


def test_entries_that_are_over_are_dropped_up_to_the_first_that_is_not() -> None:
    cache = cache_of("a", "b", "c", "d", size=4)
    cache.drop_oldest_while(lambda value: value in "ABD")
    assert keys(cache) == "cd"
    cache.drop_oldest_while(lambda _: True)
    assert keys(cache) == ""


@given(size=st.integers(1, 4), uses=st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefg")), max_size=40))
def test_it_holds_those_used_last(size: int, uses: list[tuple[bool, str]]) -> None:
    cache, expected = cache_of(size=size), list[str]()
    for is_put, key in uses:
        if is_put:
            cache.put(key, key.upper())
        elif cache.get(key) is None:
            assert key not in expected
            continue
        expected = [*(other for other in expected if other != key), key][-size:]
    assert keys(cache) == "".join(expected)
