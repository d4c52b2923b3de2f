"""
What a directory means when it refuses a bind.

Active Directory hides the reason in the text of result 49: `… data 533 …` is a Win32 error in hexadecimal
(Microsoft, "System Error Codes").
"""

import re
from typing import Any

_DATA = re.compile(r"\bdata ([0-9a-f]{2,4})\b", re.IGNORECASE)
_WORDS = {
    "525": "no such account",
    "52e": "the password is wrong",
    "530": "signing in is not allowed at this hour",
    "531": "signing in is not allowed from this machine",
    "532": "the password has expired; change it in the directory",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed at the next sign-in; change it in the directory",
    "775": "the account is locked; unlock it in the directory or wait",
}
_RESULTS = {
    8: "the directory wants stronger authentication; connect with TLS",
    32: "no such entry",
    48: "the directory does not allow this kind of bind",
    49: "the name or the password is wrong",
    50: "the rights do not suffice",
    53: "the directory is unwilling to do that; the account may be locked or without a password",
}
_ACCOUNT_DISABLE = 0x2  # userAccountControl, [MS-ADTS] 2.2.16


def explained(result: dict[str, Any]) -> str:
    """A bind's result in words; Active Directory's sub-code if there is one."""
    code, message = int(result.get("result", -1)), str(result.get("message", ""))
    found = _DATA.search(message)
    if found and (words := _WORDS.get(found[1].lower())):
        return f"{words} (data {found[1].lower()})"
    return _RESULTS.get(code) or f"{result.get('description', 'refused')} ({code})"


def is_disabled(control: str) -> bool:
    """Whether `userAccountControl` says that the account is disabled."""
    return control.isdigit() and bool(int(control) & _ACCOUNT_DISABLE)
