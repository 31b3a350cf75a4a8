#!/usr/bin/env python3
"""Confirms tests/vectors/tlog.json without a line of the Rust program: from RFC 6962, RFC 8032, the C2SP
specifications and the Python standard library alone. Prints one line and exits 0, or names the first vector that
differs and exits 1.

Usage: confirm_tlog.py [FILE]
"""

import base64
import functools
import hashlib
import json
import pathlib
import struct
import sys

import ed25519

MARK = "\u2014"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    data = base64.b64decode(text, validate=True)
    if b64(data) != text:
        sys.exit(f"{text}: not the one spelling in base64")
    return data


def expect(name, got, wanted):
    if got != wanted:
        sys.exit(f"{name}: computed {got}, the file says {wanted}")


# Trees, as RFC 6962 section 2.1 defines them, over the log whose leaf i is the 8 bytes of i.


def leaf(index):
    return struct.pack(">Q", index)


def split(count):
    return 1 << (count - 1).bit_length() - 1


@functools.cache
def root(start, end):
    if start == end:
        return sha256()
    if end - start == 1:
        return sha256(b"\0", leaf(start))
    middle = start + split(end - start)
    return sha256(b"\1", root(start, middle), root(middle, end))


def inclusion(m, start, end):
    if end - start == 1:
        return []
    k = split(end - start)
    if m < k:
        return inclusion(m, start, start + k) + [root(start + k, end)]
    return inclusion(m - k, start + k, end) + [root(start, start + k)]


def consistency(m, start, end, whole=True):
    if m == end - start:
        return [] if whole else [root(start, end)]
    k = split(end - start)
    if m <= k:
        return consistency(m, start, start + k, whole) + [root(start + k, end)]
    return consistency(m - k, start + k, end, False) + [root(start, start + k)]


def texts(hashes):
    return [b64(hash) for hash in hashes]


def check_trees(file):
    for case in file["roots"]:
        expect(f"root of {case['size']}", b64(root(0, case["size"])), case["root"])
    for case in file["inclusion"]:
        index, size = case["index"], case["size"]
        name = f"leaf {index} of {size}"
        expect(name, b64(root(index, index + 1)), case["leaf_hash"])
        expect(name, b64(root(0, size)), case["root"])
        expect(name, texts(inclusion(index, 0, size)), case["path"])
    for case in file["consistency"]:
        old, new = case["old"], case["new"]
        expect(f"{old} within {new}", b64(root(0, old)), case["old_root"])
        expect(f"{old} within {new}", b64(root(0, new)), case["new_root"])
        expect(f"{old} within {new}", texts(consistency(old, 0, new)), case["path"])
    for case in file["snapshots"]:
        size, at, hashes = case["size"], 0, []
        for bit in reversed(range(size.bit_length())):
            if size >> bit & 1:
                hashes.append(root(at, at + (1 << bit)))
                at += 1 << bit
        expect(f"snapshot of {size}", (struct.pack(">Q", size) + b"".join(hashes)).hex(), case["bytes"])


# Tiles.


def tile_path(kind, number, width):
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return f"tile/{kind}/" + "/".join(groups) + ("" if width == 256 else f".p/{width}")


def check_tiles(file):
    made = {}
    size = file["tiles"][0]["size"]
    for kind in [*range(8), "entries"]:
        span = 1 if kind == "entries" else 256**kind
        count = size // span
        for first in range(0, count, 256):
            numbers = range(first, min(first + 256, count))
            if kind == "entries":
                body = b"".join(struct.pack(">H", 8) + leaf(i) for i in numbers)
            else:
                body = b"".join(root(i * span, (i + 1) * span) for i in numbers)
            made[tile_path(kind, first // 256, len(numbers))] = sha256(body).hex()
    for case in file["tiles"]:
        expect(case["path"], made.get(case["path"]), case["sha256"])


# Keys and notes.


class Key:
    def __init__(self, name, kind, seed):
        self.name, self.kind, self.seed = name, kind, seed
        typed = bytes([kind]) + ed25519.public_key(seed)
        self.id = sha256(name.encode(), b"\n", typed)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(typed)}"

    def line(self, text, time=None):
        """A signature line; with a time it is a cosignature."""
        stated = b"" if time is None else struct.pack(">Q", time)
        message = text if time is None else f"cosignature/v1\ntime {time}\n{text}"
        signature = ed25519.sign(self.seed, message.encode())
        public = ed25519.public_key(self.seed)
        if not ed25519.verify(public, message.encode(), signature):
            sys.exit("ed25519.py contradicts itself")
        return f"{MARK} {self.name} {b64(self.id + stated + signature)}\n"


def checkpoint(key, size, root_text):
    text = f"{key.name}\n{size}\n{root_text}\n"
    return text, f"{text}\n{key.line(text)}"


def check_notes(file):
    keys = [Key(case["name"], case["type"], bytes.fromhex(case["seed"])) for case in file["keys"]]
    for key, case in zip(keys, file["keys"]):
        expect(f"key {key.name}", key.vkey, case["vkey"])
    for case in file["notes"]:
        expect(f"root of {case['size']}", b64(root(0, case["size"])), case["root"])
        text, note = checkpoint(keys[case["log_key"]], case["size"], case["root"])
        note += f"{MARK} grease.invalid {b64(bytes.fromhex(case['grease']))}\n"
        note += keys[case["witness_key"]].line(text, case["time"])
        expect(f"note of size {case['size']}", note, case["note"])
    for case in file["proof_files"]:
        _, note = checkpoint(keys[case["log_key"]], case["size"], b64(root(0, case["size"])))
        extra = f"extra {b64(bytes.fromhex(case['extra']))}\n" if case["extra"] else ""
        path = "".join(f"{hash}\n" for hash in texts(inclusion(case["index"], 0, case["size"])))
        made = f"c2sp.org/tlog-proof@v1\n{extra}index {case['index']}\n{path}\n{note}"
        expect(f"proof file of leaf {case['index']}", made, case["file"])
    for case in file["requests"]:
        old, size = case["old"], case["size"]
        _, note = checkpoint(keys[case["log_key"]], size, b64(root(0, size)))
        proof = consistency(old, 0, size) if old else []
        made = f"old {old}\n" + "".join(f"{hash}\n" for hash in texts(proof)) + f"\n{note}"
        expect(f"request from {old} to {size}", made, case["body"])
    for case in file["monitor_paths"]:
        expect("monitor path", sha256(case["origin"].encode()).hex() + "/checkpoint", case["path"])


def main(path=None):
    path = path or pathlib.Path(__file__).with_name("tlog.json")
    file = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    check_trees(file)
    check_tiles(file)
    check_notes(file)
    counts = ", ".join(f"{len(cases)} {name}" for name, cases in file.items() if name != "about")
    print("tree and note vectors confirmed:", counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
