import pytest
from pydantic import TypeAdapter, ValidationError

from shared.postgres.text_search import has_words, word_arguments, word_conditions
from shared.validation.fields import MAX_SEARCH_WORDS, Search


def test_each_word_has_a_parameter_and_a_condition() -> None:
    arguments = word_arguments(" José  Pérez ")
    assert arguments == {"word_a": "José", "word_b": "Pérez"}
    assert [word_conditions("searched")[each] for each in arguments] == [
        "searched LIKE containing(:word_a)",
        "searched LIKE containing(:word_b)",
    ]
    assert has_words(tuple(arguments))


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_blanks_search_for_nothing(nothing: str | None) -> None:
    assert word_arguments(nothing) == {}
    assert not has_words(())


def test_there_are_as_many_parameters_as_a_search_may_have_words() -> None:
    search = TypeAdapter(Search)
    words = " ".join("a" * MAX_SEARCH_WORDS)
    assert len(word_arguments(search.validate_python(words))) == MAX_SEARCH_WORDS == len(word_conditions("name"))
    with pytest.raises(ValidationError, match="must have at most 8 words"):
        search.validate_python(words + " a")
