"""
Answers on standard output in the format asked for; the keys of JSON are those of the API.

Tables are for people and may change; json, jsonl, yaml and csv are for programs and do not.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from appliance.cli.failures import invalid
from appliance.cli.inert import cell, inert, inert_json
from appliance.cli.options import Colour, Format

# A pipe has no width, and cutting what somebody greps would be worse than a long line.
_UNBOUNDED = 100_000


class Column(NamedTuple):
    """
    A column of a table.

    Attributes:
        header: What stands above.
        read: A key, a dotted path of keys, or a function of the item.
        wide: Only with `-o wide`.
    """

    header: str
    read: str | Callable[[Any], Any]
    wide: bool = False

    def of(self, item: Any) -> Any:
        return self.read(item) if callable(self.read) else at(item, self.read)


class Printer:
    """Prints to standard output, as `output` and `fields` say."""

    def __init__(self, output: Format | None, fields: str | None, colour: Colour) -> None:
        self._fields = [name.strip() for name in fields.split(",") if name.strip()] if fields else []
        self.format = output or (Format.JSON if self._fields else Format.TABLE)
        if self._fields and self.format in (Format.TABLE, Format.WIDE):
            raise invalid(f"--json prints JSON, not a {self.format}; leave one of the two away")
        self.colour = colour

    @property
    def is_table(self) -> bool:
        return self.format in (Format.TABLE, Format.WIDE)

    def rows(self, items: Iterable[Any], columns: list[Column]) -> None:
        """A list; jsonl and csv are written as it comes, however long it is."""
        if self.format is Format.JSONL:
            for item in items:
                print(_json(self._picked(item)), flush=True)
        elif self.format is Format.CSV:
            self._csv(items, columns)
        elif self.is_table:
            self._table(list(items), columns)
        else:
            self._document([self._picked(item) for item in items])

    def one(self, item: Any, columns: list[Column]) -> None:
        """A single thing: names and values below each other."""
        if not self.is_table:
            if self.format in (Format.JSONL, Format.CSV):
                self.rows([item], columns)
            else:
                self._document(self._picked(item))
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        for column in self._shown(columns):
            value = _shown(column.of(item))
            if value:
                table.add_row(Text(column.header, style="bold"), Text(value))
        self._print(table)

    def text(self, text: str, *, style: str = "") -> None:
        """A line for people; nothing where a program reads."""
        if self.is_table:
            self.console().print(Text(inert(text, keep="\n"), style=style), soft_wrap=True)

    def console(self) -> Console:
        return console(self.colour, sys.stdout)

    def _print(self, table: Table) -> None:
        out = self.console()
        if out.is_terminal:
            out.print(table)
        else:
            plain = io.StringIO()
            Console(file=plain, width=_UNBOUNDED, color_system=None, force_terminal=False).print(table)
            print("\n".join(line.rstrip() for line in plain.getvalue().splitlines()))

    def _table(self, items: list[Any], columns: list[Column]) -> None:
        shown = self._shown(columns)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for place, column in enumerate(shown):
            table.add_column(column.header, overflow="fold", no_wrap=place == 0)
        for item in items:
            table.add_row(*(Text(_shown(column.of(item))) for column in shown))
        self._print(table)

    def _shown(self, columns: list[Column]) -> list[Column]:
        return [column for column in columns if self.format is Format.WIDE or not column.wide]

    def _csv(self, items: Iterable[Any], columns: list[Column]) -> None:
        wanted = [Column(name, name) for name in self._fields] or columns
        writer = csv.writer(sys.stdout, lineterminator="\r\n")
        writer.writerow([column.header for column in wanted])
        for item in items:
            writer.writerow([cell(_flat(column.of(item))) for column in wanted])

    def _document(self, document: Any) -> None:
        if self.format is Format.YAML:
            print(yaml.safe_dump(document, sort_keys=False, allow_unicode=False), end="")
        else:
            print(_json(document, indent=2))

    def _picked(self, item: Any) -> Any:
        if not self._fields or not isinstance(item, dict):
            return item
        return {name: _known(item, name) for name in self._fields}


def console(colour: Colour, file: Any) -> Console:
    """A console that honours --color, NO_COLOR, FORCE_COLOR and TERM=dumb (Rich reads the last three)."""
    forced = {Colour.ALWAYS: True, Colour.NEVER: False}.get(colour)
    return Console(
        file=file,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=True if forced else None,
        no_color=True if forced is False else None,
    )


def at(item: Any, path: str) -> Any:
    """What lies at a dotted path; None where a step is missing."""
    if isinstance(item, dict) and path in item:
        return item[path]
    head, _, rest = path.partition(".")
    found = item.get(head) if isinstance(item, dict) else None
    return at(found, rest) if rest else found


def moment(path: str) -> Callable[[Any], str]:
    """A time in UTC to the second, as people read it."""
    return lambda item: instant(at(item, path))


def instant(value: str | None) -> str:
    try:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%SZ}" if value else ""
    except ValueError:
        return value or ""


def number(path: str) -> Callable[[Any], str]:
    """A count with its thousands apart."""
    return lambda item: f"{at(item, path) or 0:,}"


def _known(item: dict[str, Any], name: str) -> Any:
    if name.partition(".")[0] not in item and name not in item:
        raise invalid(f"there is no field {name!r}; there are {', '.join(item)}")
    return at(item, name)


def _shown(value: Any) -> str:
    return inert(str(_flat(value)))


def _flat(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(_flat(one)) for one in value)
    if isinstance(value, dict):
        return _named(value)
    return "" if value is None else value


def _named(value: dict[str, Any]) -> str:
    if "name" in value:
        return str(value["name"])
    return ", ".join(f"{name}={_flat(one)}" for name, one in value.items() if one not in (None, ""))


def _json(document: Any, indent: int | None = None) -> str:
    return inert_json(json.dumps(document, ensure_ascii=False, indent=indent))
