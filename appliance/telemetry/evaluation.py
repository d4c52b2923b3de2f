"""Answers a query tree over one segment: vectorised, each distinct value compared once."""

from collections.abc import Mapping

import numpy as np

from appliance.telemetry.query import (
    And,
    Contains,
    EndsWith,
    Entity,
    FieldClause,
    Is,
    Not,
    Or,
    StartsWith,
    Text,
    Tree,
    matches,
)
from appliance.telemetry.segments import ALL_ASCII_TEXT, Column, Mask, SegmentReader

_NOT_TEXT = frozenset({"@time", "@span", "@id", "@source"})


class SegmentView:
    """
    The columns of one segment that a query may ask for, decoded when first asked.

    Args:
        events: How many events the segment holds.
        bodies: Field name to stored column; a field that is absent was in no event.
    """

    def __init__(self, reader: SegmentReader, events: int, bodies: Mapping[str, bytes]) -> None:
        self.events = events
        self._reader, self._bodies = reader, bodies
        self._raw: dict[str, bytes] = {}
        self._columns: dict[str, Column] = {}

    def evaluate(self, tree: Tree) -> Mask:
        """Which events match; shape (events,)."""
        if isinstance(tree, And):
            return self._all(tree)
        if isinstance(tree, Or):
            found = np.zeros(self.events, np.bool_)
            for part in tree.of:
                found |= self.evaluate(part)
            return found
        if isinstance(tree, Not):
            return ~self.evaluate(tree.of)
        if isinstance(tree, Text):
            return self._anywhere(tree)
        assert not isinstance(tree, Entity), "query.bounded spells entities out"
        return self._clause(tree)

    def _all(self, tree: And) -> Mask:
        found = np.ones(self.events, np.bool_)
        for part in tree.of:
            found &= self.evaluate(part)
            if not found.any():
                break
        return found

    def _anywhere(self, tree: Text) -> Mask:
        found = np.zeros(self.events, np.bool_)
        for name in self._bodies:
            if name not in _NOT_TEXT:
                found |= self._clause(Contains(field=name, value=tree.value))
        return found

    def _clause(self, clause: FieldClause) -> Mask:
        found = np.zeros(self.events, np.bool_)
        if clause.field not in self._bodies or self._cannot_match(clause):
            return found
        column = self._column(clause.field)
        test = clause.test()
        passing = np.fromiter((matches(test, value) for value in column.values), np.bool_, len(column.values))
        hits: Mask = passing[column.codes]
        if column.places is None:
            return hits
        found[column.places[hits]] = True
        return found

    def _cannot_match(self, clause: FieldClause) -> bool:
        """Whether one look over the raw bytes rules the clause out; most segments end here."""
        if not isinstance(clause, Is | Contains | StartsWith | EndsWith):
            return False
        raw = self._raw_of(clause.field)
        if raw[0] != ALL_ASCII_TEXT:
            return False
        return clause.folded.encode(errors="surrogatepass") not in raw.lower()

    def _raw_of(self, field: str) -> bytes:
        raw = self._raw.get(field)
        if raw is None:
            raw = self._raw[field] = self._reader.raw(self._bodies[field])
        return raw

    def _column(self, field: str) -> Column:
        column = self._columns.get(field)
        if column is None:
            column = self._columns[field] = self._reader.column(self._raw_of(field))
        return column
