"""
The peer of `detection.py`: Sigma rules as SQL over a table in memory, the way SQLite-based engines work.

It runs in a venv of its own that holds `pysigma-backend-sqlite` and `orjson`, and reads JSON lines that
`detection.py` has decoded. Rules of a category are narrowed by channel and event id as the product does it,
because without that the comparison would be with a straw man.

Usage: python detection_sqlite.py RULES.json EVENTS.jsonl
"""

import json
import sqlite3
import sys
import time
from pathlib import Path

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError


def main() -> None:
    rules = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    backend = sqliteBackend()
    queries = []
    started = time.process_time()
    for rule in rules:
        try:
            converted = backend.convert(SigmaCollection.from_yaml(rule["text"]))
            queries += [(rule["where"], query.split(" WHERE ", 1)[1]) for query in converted]
        except (SigmaError, NotImplementedError, IndexError):
            continue
    converting = time.process_time() - started

    started = time.process_time()
    lines = Path(sys.argv[2]).read_bytes().splitlines()
    events = [json.loads(line) for line in lines]
    # SQLite's column names know no case; of two spellings the first stays.
    spelled: dict[str, str] = {}
    for event in events:
        for name in event:
            spelled.setdefault(name.lower(), name)
    columns = [name for name in spelled.values() if '"' not in name][:1_900]
    connection = sqlite3.connect(":memory:")
    connection.create_function("REGEXP", 2, _regexp, deterministic=True)
    names = ", ".join(f'"{name}" TEXT COLLATE NOCASE' for name in columns)
    connection.execute(f"CREATE TABLE logs ({names})")
    rows = ([_text(event.get(name)) for name in columns] for event in events)
    connection.executemany(f"INSERT INTO logs VALUES ({', '.join('?' * len(columns))})", rows)
    connection.execute('CREATE INDEX by_route ON logs ("Channel", "EventID")')
    matches = failed = 0
    for where, condition in queries:
        try:
            sql = f"SELECT count(*) FROM logs WHERE ({where}) AND ({condition})"
            matches += connection.execute(sql).fetchone()[0]
        except sqlite3.Error:
            failed += 1  # a column that no event of the sample has
    cpu = time.process_time() - started
    print(
        json.dumps(
            {
                "events": len(events),
                "queries": len(queries),
                "failed": failed,
                "matches": matches,
                "cpu": cpu,
                "converting": converting,
            }
        )
    )


def _text(value):
    return value if value is None or isinstance(value, str) else str(value)


def _regexp(pattern, value):
    import re

    return value is not None and re.search(pattern, value) is not None


if __name__ == "__main__":
    main()
