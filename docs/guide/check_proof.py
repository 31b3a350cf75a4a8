#!/usr/bin/env python3
"""Checks one .tlog-proof offline with Python's standard library and the openssl command; none of our code.

Usage: check_proof.py FILE VKEY          (VKEY: the log's key, from a place you trust)

Prints what was disclosed and exits 0, or says what does not fit and exits 1. docs/internals/format.md has the formats.
"""

import base64
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check(holds, what):
    if not holds:
        sys.exit(f"NOT PROVEN: {what}")


def check_signature(text, lines, vkey):
    """One line must be the key's and verify; openssl does the mathematics."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    check(key[0] == 1 and sha256(name.encode(), b"\n", key)[:4].hex() == key_id, "the vkey itself is damaged")
    check(text.split("\n")[0] == name, "the checkpoint is of another log")
    for line in lines:
        _, signer, blob = line.split(" ")
        blob = base64.b64decode(blob, validate=True)
        if signer == name and blob[:4].hex() == key_id:
            break
    else:
        check(False, "no signature by this key")
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, part) for part in ("key", "text", "signature")]
        der = bytes.fromhex("302a300506032b6570032100") + key[1:]
        for path, data in zip(paths, (der, text.encode(), blob[4:])):
            path.write_bytes(data)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", paths[0]]
        done = subprocess.run([*command, "-in", paths[1], "-sigfile", paths[2]], capture_output=True, check=False)
    check(done.returncode == 0, "the log's signature is bad")


def root_from_path(leaf_hash, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    check(index < size, "the index is beyond the log's size")
    node, last, root = index, size - 1, leaf_hash
    for sibling in path:
        check(last > 0, "the path is too long")
        if node % 2 or node == last:
            root = sha256(b"\1", sibling, root)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            root = sha256(b"\1", root, sibling)
        node, last = node >> 1, last >> 1
    check(last == 0, "the path is too short")
    return root


def read_items(data):
    """Path, commitment and value of each item of a disclosure; no value where only the commitment is shown."""
    (count,), at, items = struct.unpack_from(">H", data), 2, []
    for _ in range(count):
        (length,) = struct.unpack_from(">H", data, at)
        framed, at = data[at : at + 2 + length], at + 2 + length
        state, secret, value, at = data[at], data[at + 1 : at + 33], None, at + 33
        check(state in (2, 3), "an item is neither a commitment nor disclosed")
        if state == 3:
            (length,) = struct.unpack_from(">I", data, at)
            value, at = data[at + 4 : at + 4 + length], at + 4 + length
            secret = sha256(b"evc1\0", secret, framed, value)
        items.append((framed, secret, value))
    check(at == len(data), "bytes are left over")
    return items


def readable(value):
    """The texts in a value, for people; the bytes were checked above."""
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in value)


def main():
    proof, note = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").split("\n\n", 1)
    header, extra, index, *path = proof.split("\n")
    check(header == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index.startswith("index "), "form")
    text, signatures = note.rsplit("\n\n", 1)
    check_signature(text + "\n", signatures.rstrip("\n").split("\n"), sys.argv[2])
    origin, size, root = text.split("\n")[:3]

    extra = base64.b64decode(extra[6:], validate=True)
    check(extra[:4] == b"ixd1", "extra is not ours")
    leaf, items = extra[4:84], read_items(extra[84:])
    body = sha256(b"evb1\0", struct.pack(">H", len(items)), *(framed + commitment for framed, commitment, _ in items))
    check(body == leaf[48:], "the disclosed items are not those the leaf was made from")
    path = [base64.b64decode(line, validate=True) for line in path]
    found = root_from_path(sha256(b"\0", leaf), int(index[6:]), int(size), path)
    check(found == base64.b64decode(root), "the leaf is not in the tree that was signed")

    received, producer, sequence = (struct.unpack_from(">Q", leaf, at)[0] for at in (8, 32, 40))
    print(f"PROVEN: event {leaf[16:32].hex()} is number {index[6:]} of {size} in {origin}")
    print(f"received {received / 1e9:.3f} s after 1970, producer {producer:016x}, number {sequence} of that producer")
    for framed, _, value in items:
        print(f"  {framed[2:].decode()}: {'not disclosed' if value is None else readable(value)}")


if __name__ == "__main__":
    try:
        main()
    except (IndexError, ValueError, struct.error) as error:
        check(False, f"the file is damaged: {error}")
