"""What texts of clients may be, as patterns of JSON Schema (ECMA-262), for those who read it in the documents.

They leave to `shared.validation.normal_text` what nobody writes on purpose: blanks around a text may be line breaks,
and it may not consist of invisible characters alone.
"""

from typing import Final

_CONTROL: Final = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
_CONTROL_IN_LINES: Final = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069"
"""Both with what changes the direction of a text."""

ONE_LINE: Final = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"
SEVERAL_LINES: Final = rf"^[^{_CONTROL_IN_LINES}]*$"
SEVERAL_FILLED_LINES: Final = rf"^[^{_CONTROL_IN_LINES}]*[^\s{_CONTROL_IN_LINES}][^{_CONTROL_IN_LINES}]*$"
FEW_WORDS: Final = r"^\s*(?:[^\s\u0000]+\s+){0,7}[^\s\u0000]*\s*$"
