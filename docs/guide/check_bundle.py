#!/usr/bin/env python3
"""Checks one evidence bundle offline with Python's standard library and the openssl command; none of our code.

Usage: check_bundle.py FILE.zip VKEY          (VKEY: the log's key, from a place you trust)

Prints what was proven and exits 0, or says what does not fit and exits 1. docs/internals/format.md has the formats.
"""

import base64
import datetime
import hashlib
import io
import json
import pathlib
import struct
import sys
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from check_proof import check, check_signature, read_items, root_from_path, sha256  # noqa: E402

SLOT = b'<script type="application/octet-stream" id="bundle">'
WORDS = {"title", "sentence", "erased"}


def body_of(items):
    return sha256(b"evb1\0", struct.pack(">H", len(items)), *(framed + commitment for framed, commitment, _ in items))


def read_value(data, at=0):
    """A value in its canonical encoding as JSON has it, and where it ends."""
    tag, at = data[at], at + 1
    if tag < 3:
        return (None, False, True)[tag], at
    if tag == 3:
        (number,) = struct.unpack_from(">q", data, at)
        return (number if abs(number) <= 2**53 else str(number)), at + 8
    if tag in (4, 5, 6):
        (length,) = struct.unpack_from(">H" if tag == 4 else ">I", data, at)
        at += 2 if tag == 4 else 4
        part = data[at : at + length]
        if tag == 6:
            return base64.b64encode(part).decode(), at + length
        text = part.decode()
        return (float(text) if tag == 4 and "." in text else text), at + length
    if tag == 7:
        seconds, nanos, offset = struct.unpack_from(">qIh", data, at)
        return time_text(seconds, nanos, 0 if offset == 0x7FFF else offset), at + 14
    check(tag in (8, 9), f"a value has the unknown tag {tag}")
    (count,) = struct.unpack_from(">I", data, at)
    at, entries = at + 4, []
    for _ in range(count):
        key = None
        if tag == 9:
            (length,) = struct.unpack_from(">H", data, at)
            key, at = data[at + 2 : at + 2 + length].decode(), at + 2 + length
        entry, at = read_value(data, at)
        entries.append((key, entry))
    return (dict(entries) if tag == 9 else [entry for _, entry in entries]), at


def time_text(seconds, nanos, offset):
    local = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds, minutes=offset)
    hours, minutes = divmod(abs(offset), 60)
    zone = f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}" if offset else "Z"
    return f"{local:%Y-%m-%dT%H:%M:%S}.{nanos:09}{zone}"


def put(event, path, value):
    """Fields nest by their first dot, parameters stand together."""
    group, dot, name = path.partition(".")
    if dot:
        event.setdefault(group, {})[name] = value
    else:
        event[path] = value


def event_of(leaf, items):
    """What the proof says that the event is, and the paths that it keeps back."""
    event, subjects, closed = {}, {}, []
    for framed, _, data in items:
        path = framed[2:].decode()
        if data is None:
            closed.append(path)
            continue
        value, end = read_value(data)
        check(end == len(data), "bytes are left over behind a value")
        if path == "*":
            for name, member in value.items():
                put(event, name, member)
        elif path.startswith("subjects."):
            subjects[int(path[9:])] = value
        else:
            put(event, path, value)
    if subjects:
        event["subjects"] = [subjects[number] for number in sorted(subjects)]
    received, sequence = struct.unpack_from(">Q", leaf, 8)[0], struct.unpack_from(">Q", leaf, 40)[0]
    if sequence:
        put(event, "producer.seq", str(sequence))
    mark = leaf[16:32].hex()
    event["id"] = "-".join((mark[:8], mark[8:12], mark[12:16], mark[16:20], mark[20:]))
    event["received_at"] = time_text(received // 10**9, received % 10**9, 0)
    event["leaf"] = base64.b64encode(leaf).decode()
    return event, closed


def read_proofs(data):
    check(data[:4] == b"ixb1", "proofs.bin is not ours")
    size, count = struct.unpack_from(">QI", data, 4)
    at, events = 16, []
    for _ in range(count):
        (index,), leaf = struct.unpack_from(">Q", data, at), data[at + 8 : at + 88]
        (length,) = struct.unpack_from(">I", data, at + 88)
        events.append((index, leaf, data[at + 92 : at + 92 + length]))
        at += 92 + length
    (count,) = struct.unpack_from(">I", data, at)
    check(len(data) == at + 4 + 32 * count, "proofs.bin does not end with as many hashes as it says")
    return size, events, [data[at : at + 32] for at in range(at + 4, len(data), 32)]


def batch_root(size, leaves, hashes):
    """Parts without a leaf take the next hash, from left to right."""
    rest = iter(hashes)

    def fold(start, end, part):
        if not part:
            found = next(rest, None)
            check(found is not None, "proofs.bin has too few hashes")
            return found
        if end - start == 1:
            return part[0][1]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        left = [leaf for leaf in part if leaf[0] < middle]
        return sha256(b"\1", fold(start, middle, left), fold(middle, end, part[len(left) :]))

    indexes = [index for index, _ in leaves]
    check(indexes and indexes == sorted(set(indexes)) and indexes[-1] < size, "the indexes do not ascend within the log")
    root = fold(0, size, leaves)
    check(next(rest, None) is None, "proofs.bin has too many hashes")
    return root


def check_event(line, index, leaf, disclosure, organization):
    items = read_items(disclosure)
    check(body_of(items) == leaf[48:], f"event {index}: its values are not those that its leaf was made from")
    event, closed = event_of(leaf, items)
    event |= {"index": index, "organization": organization}
    line = json.loads(line)
    for name in sorted((line.keys() | event.keys()) - WORDS):
        check(name in line and name in event and line[name] == event[name], f"event {index}: {name} differs in events.ndjson")
    erased = line.get("erased", [])
    kept = [path for path in closed if path != "raw" or "raw" in erased]
    check(sorted(erased) == sorted(kept), f"event {index}: what is erased differs")


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        check(len(packed.namelist()) == len(set(packed.namelist())), "two parts have one name")
        return {name: packed.read(name) for name in packed.namelist()}


def check_parts(parts, manifest):
    for part in manifest["parts"]:
        name = part["name"]
        check(name in parts, f"{name} is missing")
        data = parts[name]
        if name == "verify.html":
            before, rest = data.split(SLOT, 1)
            inside, after = rest.split(b"</script>", 1)
            check(not inside or unpacked(base64.b64decode(inside, validate=True)) == {
                name: data for name, data in parts.items() if name != "verify.html"
            }, "the data inside verify.html is not the data beside it")
            data = before + SLOT + b"</script>" + after
        good = len(data) == part["bytes"] and hashlib.sha256(data).hexdigest() == part["sha256"]
        check(good, f"{name} is not the file that the manifest names")
    named = {part["name"] for part in manifest["parts"]} | {"manifest.json", "manifest.tlog-proof"}
    check(parts.keys() <= named, f"the manifest does not name {sorted(parts.keys() - named)}")


def check_recorded(parts, manifest, vkey):
    """The event that recorded the manifest's hash is in the same log."""
    if not manifest["recorded"]:
        check("manifest.tlog-proof" not in parts, "there is a proof of what was not recorded")
        return "no event of the log records this bundle"
    proof, note = parts["manifest.tlog-proof"].decode().split("\n\n", 1)
    _, extra, index, *path = proof.split("\n")
    text, signatures = note.rsplit("\n\n", 1)
    check_signature(text + "\n", signatures.rstrip("\n").split("\n"), vkey)
    extra = base64.b64decode(extra[6:], validate=True)
    check(extra[:4] == b"ixd1" and extra[5] & 1 == 1, "manifest.tlog-proof is not of an event of the system itself")
    leaf, items = extra[4:84], read_items(extra[84:])
    check(body_of(items) == leaf[48:], "manifest.tlog-proof: the items are not those of its leaf")
    _, size, root = text.split("\n")[:3]
    path = [base64.b64decode(line, validate=True) for line in path]
    found = root_from_path(sha256(b"\0", leaf), int(index[6:]), int(size), path)
    check(found == base64.b64decode(root), "manifest.tlog-proof does not lead to its root")
    plain = next(read_value(data)[0] for framed, _, data in items if framed[2:] == b"*" and data)
    recorded = plain.get("params.manifest_sha256")
    check(recorded == hashlib.sha256(parts["manifest.json"]).hexdigest(), "manifest.json is not the one that was recorded")
    return f"event {index[6:]} of the log records this manifest"


def main():
    parts = unpacked(pathlib.Path(sys.argv[1]).read_bytes())
    manifest, vkey = json.loads(parts["manifest.json"]), sys.argv[2]
    check(manifest["bundle"] == "indelible-bundle@v1", "this is no bundle of this form")
    check_parts(parts, manifest)
    text, signatures = parts["checkpoint"].decode().rsplit("\n\n", 1)
    check_signature(text + "\n", signatures.rstrip("\n").split("\n"), vkey)
    origin, tree_size, root = text.split("\n")[:3]
    head = {"origin": origin, "size": int(tree_size), "root": root}
    check(manifest["log"] == head, "the manifest names another log, size or root than the checkpoint")
    size, events, hashes = read_proofs(parts["proofs.bin"])
    lines = parts["events.ndjson"].decode().split("\n")[:-1]
    check(len(lines) == len(events) == manifest["rows"], "the number of events differs")
    for line, (index, leaf, disclosure) in zip(lines, events):
        check_event(line, index, leaf, disclosure, manifest["organization"])
    found = batch_root(size, [(index, sha256(b"\0", leaf)) for index, leaf, _ in events], hashes)
    check(size == int(tree_size) and found == base64.b64decode(root), "the events do not lead to the signed root")
    print(f"PROVEN: {len(events)} events of {size} in {origin}, {len(hashes)} hashes lead to the root")
    print(check_recorded(parts, manifest, vkey))


if __name__ == "__main__":
    try:
        main()
    except (IndexError, KeyError, StopIteration, ValueError, struct.error, zipfile.BadZipFile, zlib.error) as error:
        check(False, f"the file is damaged: {error!r}")
