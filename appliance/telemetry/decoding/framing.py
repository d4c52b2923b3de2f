"""
Where the originals lie in a body: lines, JSON documents, elements of a JSON array, counted frames.

Invariant: every scan is linear in the body's length whatever it holds; the expressions below are
possessive because an unclosed string would otherwise make them quadratic.
"""

import re
from collections.abc import Iterator
from itertools import islice

Span = tuple[int, int]

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)|[\[\]{},]', re.DOTALL)
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_COUNT_DIGITS = 10
_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")
_COMMA = ord(",")
_SPACE = ord(" ")
_CARRIAGE_RETURN = ord("\r")  # before the newline, it ends the line too
_QUOTE = ord('"')
_CROWD = 32_768
# No reader goes deeper; what does is one malformed piece to the end of the body.
_DEEPEST = 1024


def lines(body: bytes, start: int = 0) -> Iterator[Span]:
    """Each line that is not blank, without its line ending."""
    if start == 0 and body.startswith(_BOM):
        start = len(_BOM)
    length = len(body)
    while start < length:
        end = body.find(b"\n", start)
        end = length if end < 0 else end
        # Only what begins with a blank can be blank: looking at the whole line would copy it.
        if end > start and (body[start] > _SPACE or not body[start:end].isspace()):
            yield start, end - (body[end - 1] == _CARRIAGE_RETURN)
        start = end + 1


def documents(body: bytes, start: int = 0) -> Iterator[Span]:
    """JSON documents one after another, however they are spread over lines."""
    depth = 0
    begin = -1
    for match in _TOKEN.finditer(body, start):
        first = body[match.start()]
        if first in _OPENING:
            if depth == 0:
                begin = match.start()
            depth += 1
            if depth > _DEEPEST:
                break
        elif first in _CLOSING and depth:
            depth -= 1
            if depth == 0:
                yield begin, match.end()
    if depth:
        yield begin, len(body)


def elements(body: bytes, start: int, end: int) -> Iterator[Span]:
    """The elements of the JSON array that opens at `start`, trimmed of blanks."""
    depth = 0
    begin = start + 1
    for match in _TOKEN.finditer(body, start, end):
        first = body[match.start()]
        if first in _OPENING:
            depth += 1
            if depth > _DEEPEST:
                break
        elif first in _CLOSING:
            depth -= 1
        if depth == 0 or (depth == 1 and first == _COMMA):
            if body[begin : match.start()].strip(_BLANK):
                yield _trimmed(body, begin, match.start())
            begin = match.end()
        if depth == 0:
            return
    if body[begin:end].strip(_BLANK):
        yield _trimmed(body, begin, end)


def counted(body: bytes) -> Iterator[Span]:
    """
    Frames of RFC 6587 octet counting: "<length> <message>" one after another.

    A frame whose length cannot be read ends the walk with the rest of the body as one frame.
    """
    position = 0
    while position < len(body):
        space = body.find(b" ", position, position + _COUNT_DIGITS + 1)
        digits = body[position:space] if space > 0 else b""
        if not digits.isdigit():
            yield position, len(body)
            return
        begin = space + 1
        end = min(begin + int(digits), len(body))
        if end > begin:
            yield begin, end
        position = end


def is_crowded(piece: bytes) -> bool:
    """
    Whether a JSON document has so many members and elements that reading it would be slow.

    Counting commas is cheap but sees those inside strings too, so it only decides who is looked at closely.
    """
    if piece.count(b",") + piece.count(b"[") + piece.count(b"{") <= _CROWD:
        return False
    separators = (match for match in _TOKEN.finditer(piece) if piece[match.start()] != _QUOTE)
    return sum(1 for _ in islice(separators, _CROWD + 1)) > _CROWD


def first_byte(body: bytes) -> Span:
    """Where the first byte lies that is neither blank nor a byte-order mark; (n, n + 1)."""
    position = len(_BOM) if body.startswith(_BOM) else 0
    match = re.compile(rb"\S").search(body, position)
    return match.span() if match else (len(body), len(body))


def array_after(body: bytes, name: bytes, start: int, end: int) -> int:
    """Where the array of the top-level member `name` opens in the object at `start`; -1 if nowhere."""
    match = re.compile(rb'"' + name + rb'"\s*+:\s*+\[').search(body, start, end)
    return match.end() - 1 if match else -1


def _trimmed(body: bytes, begin: int, end: int) -> Span:
    piece = body[begin:end]
    begin += len(piece) - len(piece.lstrip(_BLANK))
    return begin, begin + len(piece.strip(_BLANK))
