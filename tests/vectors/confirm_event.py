#!/usr/bin/env python3
"""Confirms tests/vectors/event.json without a line of the Rust program: from docs/internals/format.md and the Python
standard library alone. Prints one line and exits 0, or names the first vector that differs and exits 1.

Usage: confirm_event.py [FILE]
"""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import struct
import sys

MAX_DEPTH = 16
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
PATH = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


class Refused(Exception):
    """These bytes are no canonical encoding."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def prefixed(path):
    raw = path.encode()
    return struct.pack(">H", len(raw)) + raw


# The notation of the file to bytes.


def encode(value):
    if value is None:
        return b"\x00"
    if isinstance(value, bool):
        return b"\x02" if value else b"\x01"
    ((kind, data),) = value.items()
    if kind == "int":
        return b"\x03" + struct.pack(">q", int(data))
    if kind == "decimal":
        return b"\x04" + prefixed(data)
    if kind == "text":
        raw = data.encode()
        return b"\x05" + struct.pack(">I", len(raw)) + raw
    if kind == "bytes":
        raw = bytes.fromhex(data)
        return b"\x06" + struct.pack(">I", len(raw)) + raw
    if kind == "time":
        offset = 0x7FFF if data["offset_minutes"] is None else data["offset_minutes"]
        return b"\x07" + struct.pack(">qIh", int(data["seconds"]), data["nanos"], offset)
    if kind == "list":
        return b"\x08" + struct.pack(">I", len(data)) + b"".join(map(encode, data))
    if kind == "map":
        pairs = sorted((key.encode(), item) for key, item in data)
        parts = (struct.pack(">H", len(key)) + key + encode(item) for key, item in pairs)
        return b"\x09" + struct.pack(">I", len(pairs)) + b"".join(parts)
    raise ValueError(f"unknown kind {kind}")


# Bytes to the notation; everything that is not the one encoding of a value is refused.


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Refused("input ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, length):
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise Refused("not UTF-8") from None

    def end(self):
        if self.at != len(self.data):
            raise Refused("bytes left over")


def read_decimal(reader):
    text = reader.text(reader.number(">H"))
    whole = "." not in text
    if len(text) > 64 or text == "-0" or not DECIMAL.fullmatch(text):
        raise Refused("not the one spelling of a decimal")
    if whole and -(2**63) <= int(text) < 2**63:
        raise Refused("an integer has its own tag")
    return {"decimal": text}


def read_time(reader):
    seconds, nanos, offset = reader.number(">q"), reader.number(">I"), reader.number(">h")
    if nanos >= 10**9 or not (-1080 <= offset <= 1080 or offset == 0x7FFF):
        raise Refused("no time")
    minutes = None if offset == 0x7FFF else offset
    return {"time": {"seconds": str(seconds), "nanos": nanos, "offset_minutes": minutes}}


def read_map(reader, depth):
    pairs = []
    for _ in range(reader.number(">I")):
        key = reader.text(reader.number(">H"))
        if pairs and pairs[-1][0].encode() >= key.encode():
            raise Refused("keys do not ascend")
        pairs.append([key, read(reader, depth - 1)])
    return {"map": pairs}


def read(reader, depth=MAX_DEPTH):
    tag = reader.number(">B")
    if tag in (0x08, 0x09) and depth == 0:
        raise Refused("nested too deep")
    if tag <= 0x02:
        return (None, False, True)[tag]
    if tag == 0x03:
        return {"int": str(reader.number(">q"))}
    if tag == 0x04:
        return read_decimal(reader)
    if tag == 0x05:
        return {"text": reader.text(reader.number(">I"))}
    if tag == 0x06:
        return {"bytes": reader.take(reader.number(">I")).hex()}
    if tag == 0x07:
        return read_time(reader)
    if tag == 0x08:
        return {"list": [read(reader, depth - 1) for _ in range(reader.number(">I"))]}
    if tag == 0x09:
        return read_map(reader, depth)
    raise Refused("unknown tag")


def decode(data):
    reader = Reader(data)
    value = read(reader)
    reader.end()
    return value


# Items, body, leaf.


def salt_of(key, event_id, path):
    return hmac.new(key, b"evs1\0" + event_id + path.encode(), "sha256").digest()


def commit(salt, path, value):
    return sha256(b"evc1\0", salt, prefixed(path), value)


def body_of(commitments):
    parts = (prefixed(path) + commitment for path, commitment in commitments)
    return sha256(b"evb1\0", struct.pack(">H", len(commitments)), *parts)


def type_tag(catalog, code):
    return sha256(b"evt1\0", prefixed(catalog), code.encode())[:4]


def read_items(reader, event_id, event_salt, keys):
    """Path, commitment and value (or None) of every item. `keys` None: no key may be needed."""
    items = []
    for _ in range(reader.number(">H")):
        path = reader.text(reader.number(">H"))
        if path != "*" and (len(path) > 255 or not PATH.fullmatch(path)):
            raise Refused("no item path")
        if items and items[-1][0].encode() >= path.encode():
            raise Refused("paths do not ascend")
        state = reader.number(">B")
        if state == 2:
            items.append((path, reader.take(32), None))
            continue
        if state in (0, 1) and keys is not None:
            key = event_salt if state == 0 else keys.get(reader.take(16))
            salt = key and salt_of(key, event_id, path)
        elif state == 3:
            salt = reader.take(32)
        else:
            raise Refused(f"state {state} here")
        value = reader.take(reader.number(">I"))
        items.append((path, salt and commit(salt, path, value), value))
    reader.end()
    return items


def read_stored(data, event_id, keys):
    reader = Reader(data)
    if reader.number(">B") != 1:
        raise Refused("unknown version")
    event_salt = reader.take(16)
    return read_items(reader, event_id, event_salt, keys)


def body_of_items(items):
    return body_of([(path, commitment) for path, commitment, _ in items])


# The checks.


def expect(name, got, wanted):
    if got != wanted:
        sys.exit(f"{name}: computed {got}, the file says {wanted}")


def check_values(file):
    for value in file["values"]:
        expect(value["name"], encode(value["value"]).hex(), value["bytes"])
        expect(value["name"], decode(bytes.fromhex(value["bytes"])), value["value"])
    readers = {"refused": decode, "refused_bodies": lambda data: read_stored(data, bytes(16), {})}
    for name, reader in readers.items():
        for bad in file[name]:
            try:
                reader(bytes.fromhex(bad["bytes"]))
            except Refused:
                continue
            sys.exit(f"{name}: {bad['why']}: was taken")


def check_items(event, event_id, keys):
    event_salt = bytes.fromhex(event["event_salt"])
    stored = b"\x01" + event_salt + struct.pack(">H", len(event["items"]))
    commitments = []
    for item in event["items"]:
        path, value = item["path"], encode(item["value"])
        key = bytes.fromhex(item["key"]) if item["key"] else None
        salt = salt_of(keys[key] if key else event_salt, event_id, path)
        expect(f"salt of {path}", salt.hex(), item["salt"])
        expect(f"commitment of {path}", commit(salt, path, value).hex(), item["commitment"])
        commitments.append((path, commit(salt, path, value)))
        stored += prefixed(path) + (b"\x01" + key if key else b"\x00") + struct.pack(">I", len(value)) + value
    expect("stored body", stored.hex(), event["stored"])
    return body_of(commitments)


def check_leaf(event, event_id, body):
    leaf = event["leaf"]
    head = struct.pack(">BBH", 1, leaf["flags"], 0) + bytes.fromhex(leaf["type_tag"])
    numbers = (int(leaf[name]) for name in ("producer", "sequence"))
    record = head + struct.pack(">Q", int(leaf["received_ns"])) + event_id + struct.pack(">QQ", *numbers) + body
    expect("leaf", record.hex(), leaf["bytes"])
    expect("length of the leaf", len(record), 80)
    expect("leaf hash", sha256(b"\0", record).hex(), leaf["hash"])
    return record


def check_event(event, keys):
    event_id = bytes.fromhex(event["id"])
    body = check_items(event, event_id, keys)
    expect("body", body.hex(), event["body"])
    record = check_leaf(event, event_id, body)
    for form in event["later"]:
        items = read_stored(bytes.fromhex(form["stored"]), event_id, keys)
        expect(form["what"], body_of_items(items), body)
        expect(f"{form['what']}: something is erased", any(value is None for *_, value in items), True)
    for disclosure in event["disclosures"]:
        extra = bytes.fromhex(disclosure["extra"])
        expect("head of extra", extra[:84], b"ixd1" + record)
        expect("rest of extra", extra[84:].hex(), disclosure["disclosure"])
        items = read_items(Reader(extra[84:]), event_id, None, None)
        expect("disclosed paths", [path for path, _, value in items if value is not None], disclosure["paths"])
        expect("body from a disclosure", body_of_items(items), body)


def check_example(event):
    """The proof file of the guide is the worked example, whose leaf is the whole tree of its checkpoint."""
    guide = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "example.tlog-proof"
    lines = guide.read_text(encoding="utf-8").split("\n")
    expect("extra of the example", base64.b64decode(lines[1][6:]).hex(), event["disclosures"][0]["extra"])
    expect("root of the example", base64.b64decode(lines[6]).hex(), event["leaf"]["hash"])


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("event.json")
    file = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    check_values(file)
    for tag in file["type_tags"]:
        expect("type tag", type_tag(tag["catalog"], tag["code"]).hex(), tag["tag"])
    keys = {bytes.fromhex(key["id"]): bytes.fromhex(key["key"]) for key in file["keys"]}
    for event in file["events"]:
        try:
            check_event(event, keys)
        except SystemExit as why:
            sys.exit(f"event {event['name']!r}: {why}")
    check_example(file["events"][0])
    counts = {name: len(file[name]) for name in ("values", "refused", "refused_bodies", "events")}
    print("event vectors confirmed:", ", ".join(f"{count} {name}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
