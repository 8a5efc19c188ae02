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
_BLANK: Final = r"\s\u001c-\u001f\u0085"
"""What divides words: Unicode has some blanks that ECMA-262 has not."""
FEW_WORDS: Final = rf"^[{_BLANK}]*(?:[^{_BLANK}\u0000]+[{_BLANK}]+){{0,7}}[^{_BLANK}\u0000]*[{_BLANK}]*$"
TIME_ZONE: Final = "^[A-Z][A-Za-z0-9+_/-]*$"
"""As the names of the IANA database look."""
STORABLE: Final = r"^[^\u0000]*$"
