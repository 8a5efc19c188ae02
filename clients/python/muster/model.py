"""What models of answers have in common."""

from pydantic import BaseModel, ConfigDict, PrivateAttr

from muster.asked import Answer


class Model(BaseModel):
    """An object of an answer, which does not change. Members that this client does not know are kept as they came."""

    model_config = ConfigDict(
        extra="allow", frozen=True, populate_by_name=True, defer_build=True, protected_namespaces=()
    )
    _answer: Answer | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """By what it says, whichever answer it came with."""
        if not isinstance(other, Model) or type(self) is not type(other):
            return NotImplemented
        return self.__dict__ == other.__dict__ and self.__pydantic_extra__ == other.__pydantic_extra__

    def __hash__(self) -> int:
        """Of an object without lists in it."""
        return hash((type(self), tuple(self.__dict__.values())))

    @property
    def answer(self) -> Answer | None:
        """The answer that it came with, for its headers; None for what is inside of another object or of a list."""
        return self._answer

    @property
    def etag(self) -> str | None:
        """Stands for the row and its version: `if_match` and `if_none_match` take it, or the object itself."""
        return None if self._answer is None else self._answer.etag
