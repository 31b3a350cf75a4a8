"""Reads a Parquet export with pyarrow and with DuckDB and compares every value with the NDJSON export of the same query.

Usage: columns.py EVENTS.parquet EVENTS.ndjson
"""

import datetime
import json
import re
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

GROUPS = ("actor", "origin", "session", "trace", "producer")
TIME = re.compile(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$")


def nanos(text):
    """Nanoseconds since 1970 of an RFC 3339 time."""
    year, month, day, hour, minute, second, fraction, zone = TIME.match(text).groups()
    parts = [int(part) for part in (year, month, day, hour, minute, second)]
    if zone == "Z":
        offset = datetime.timedelta(0)
    else:
        offset = datetime.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    since = datetime.datetime(*parts) - offset - datetime.datetime(1970, 1, 1)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def flat(event, columns):
    """The members of an event by column."""
    found = {}
    for name, value in event.items():
        if name in GROUPS and isinstance(value, dict):
            for inner, member in value.items():
                found[f"{name}_{inner}"] = member
        else:
            found[name] = value
    unknown = set(found) - set(columns)
    assert not unknown, f"no column for {unknown}"
    return found


def same(kind, expected, found, exact):
    """Whether a value of the file is the one that was exported."""
    if expected is None:
        return found is None
    if kind == "time":
        wanted = nanos(expected)
        return found == wanted if exact else abs(found - wanted) < 1_000
    if kind == "json":
        return found is not None and json.loads(found) == expected
    if kind == "number":
        return found == int(expected)
    return found == expected


def kinds(schema):
    """What each column holds, by the types that pyarrow sees."""
    found = {}
    for field in schema:
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            found[field.name] = "json"
        elif pa.types.is_timestamp(kind):
            assert kind.unit == "ns" and kind.tz == "UTC", (field.name, kind)
            found[field.name] = "time"
        elif pa.types.is_integer(kind):
            found[field.name] = "number"
        elif pa.types.is_list(kind):
            found[field.name] = "list"
        elif pa.types.is_boolean(kind):
            found[field.name] = "bool"
        else:
            assert pa.types.is_string(kind), (field.name, kind)
            found[field.name] = "text"
    return found


def compare(reader, columns, rows, events, exact):
    assert len(rows) == len(events), f"{reader}: {len(rows)} rows, {len(events)} events"
    values = 0
    for row, event in zip(rows, events):
        expected = flat(event, columns)
        for name, kind in columns.items():
            assert same(kind, expected.get(name), row[name], exact), (
                f"{reader}: event {event['index']}, {name}: {row[name]!r}, exported {expected.get(name)!r}"
            )
            values += expected.get(name) is not None
    return values


def main():
    parquet, ndjson = sys.argv[1:3]
    with open(ndjson, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]

    file = pq.ParquetFile(parquet)
    columns = kinds(file.schema_arrow)
    # JSON columns are named by their logical type; whether pyarrow makes a type of its own of it depends on its version.
    for at in range(len(file.schema)):
        leaf = file.schema.column(at)
        if str(leaf.logical_type) == "JSON":
            columns[leaf.name] = "json"
    rows = {}
    for name in columns:
        column = file.read(columns=[name]).column(0)
        if isinstance(column.type, pa.BaseExtensionType):
            column = column.cast(column.type.storage_type)
        if columns[name] == "time":
            column = column.cast(pa.int64())
        rows[name] = column.to_pylist()
    rows = [dict(zip(rows, values)) for values in zip(*rows.values())]
    values = compare("pyarrow", columns, rows, events, exact=True)

    metadata = file.metadata
    assert metadata.created_by.startswith("indelible "), metadata.created_by
    for group in range(metadata.num_row_groups):
        times = next(
            column
            for column in map(metadata.row_group(group).column, range(metadata.num_columns))
            if column.path_in_schema == "received_at"
        )
        assert times.compression == "ZSTD" and times.statistics.has_min_max, times
        assert times.statistics.null_count == 0

    select = ", ".join(f'epoch_ns("{name}")' if kind == "time" else f'"{name}"' for name, kind in columns.items())
    found = duckdb.sql(f"select {select} from read_parquet('{parquet}')").fetchall()
    compare("duckdb", columns, [dict(zip(columns, row)) for row in found], events, exact=False)

    counts = {}
    for event in events:
        key = event.get("outcome")
        counts[key] = counts.get(key, 0) + 1
    found = dict(duckdb.sql(f"select outcome, count(*) from '{parquet}' group by 1").fetchall())
    assert found == counts, (found, counts)
    print(f"{len(events)} events, {len(columns)} columns, {values} values alike in pyarrow and DuckDB")


main()
