#!/usr/bin/env python3
"""Confirms every published vector without a line of the Rust program, with the Python standard library alone.

First the constants below: they are older than the program and were computed by others, so they also check the two
scripts that confirm the files `tlog.json` and `event.json`. Exits 1 at the first difference.
"""

import struct
import sys

import confirm_event
import confirm_tlog
import ed25519

ROOTS = {
    0: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    1: "PnB3/S9m1ongzuanz1s3vy3KfJea81bQoxy8XIVgXH0=",
    3: "m0ll+LIgukL3A5rQeByWbPkLsa6hWoBYbWNLMiqx9M4=",
    256: "FeLdSXOuRN6MjPMEj9mNF62q6mKH9OBgalWmQ2F0CMA=",
    257: "1BjAhzJZvOfQVhqwBEhhEkFsHESQhlQVNCv+BuZzFGw=",
    70000: "B1kWeg+Y416ALUb/fH0p0sPwOmOiVt62q7/zV6kbY7E=",
}
EVENT_ID = bytes.fromhex("00112233445576778899aabbccddeeff")
COMMITMENTS = {
    "*": "63b5b7dd336be7b7a9cc05cf004c6f3b9739053458897f49fff1cbbe2fcb0bf6",
    "actor.email": "094a0d54b1533df9545d68936589a95e973aae7fec36f6c22ed9a953503080e9",
    "message": "027ad8904bdf9e02e388df8ea82dd0ab171f4a3499e5047031bc1166412bdbbd",
}
LEAF = (
    "01000000bdfeb1a117979cfe71c4ca0000112233445576778899aabbccddeeff"
    "0000000000000007000000000000002a9170e811693921409de3d97284665cbe3d83eb7e57de675ed858be5cb50337d4"
)
LOG_VKEY = "log.example/o/1+be0ddd38+ARl/ayPhbIUyxqvIOPrNXqeJvgx2spIDNAOb+os9No1h"
WITNESS_VKEY = "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
NOTE = """\
log.example/o/1
1
tmw7UBvcGgn0mqLjR0Tu0bNyZgHV7djt2mYBNKTAvcI=

\u2014 log.example/o/1 vg3dOBCECMnksikMXnJyrJaYhZz90oY6a6bBX+3cNR4hABxNGjgetKMLuFdbLlT2/0kZxJVSmU+GyjAqwOxuZI1mqA8=
\u2014 witness.example/w1 qkoJ0QAAAABlU/ECTNCAeKtEgOAoCBE+DiCqoI5NnxeWvhGTEpdtlJLIoQfUS8eILV6seNKV1lgpEixcs1yTnP0dPiNskEODrPEVCw==
"""
# RFC 8032, section 7.1, test 2: seed, public key, message, signature.
RFC_8032 = [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
]


def expect(name, got, wanted):
    if got != wanted:
        sys.exit(f"{name}: computed {got}, published is {wanted}")


def check_ed25519():
    seed, key, message, signature = map(bytes.fromhex, RFC_8032)
    expect("public key of RFC 8032", ed25519.public_key(seed), key)
    expect("signature of RFC 8032", ed25519.sign(seed, message), signature)
    expect("signature of RFC 8032", ed25519.verify(key, message, signature), True)
    expect("altered message", ed25519.verify(key, message + b"x", signature), False)


def check_event():
    plain = [
        ["catalog", {"text": "openkat"}],
        ["code", {"text": "010001"}],
        ["occurred", {"time": {"seconds": "1700000000", "nanos": 0, "offset_minutes": 0}}],
        ["outcome", {"text": "success"}],
        ["result", {"int": "0"}],
    ]
    event_salt, subject_key = b"\x01" * 16, b"\x02" * 32
    items = {
        "*": (event_salt, {"map": plain}),
        "actor.email": (subject_key, {"text": "a@example.org"}),
        "message": (event_salt, {"text": "user logged in"}),
    }
    commitments = []
    for path, (key, value) in items.items():
        salt = confirm_event.salt_of(key, EVENT_ID, path)
        commitments.append((path, confirm_event.commit(salt, path, confirm_event.encode(value))))
        expect(f"commitment of {path}", commitments[-1][1].hex(), COMMITMENTS[path])
    leaf = b"\x01\0\0\0" + confirm_event.type_tag("openkat", "010001") + struct.pack(">Q", 1_700_000_001 * 10**9)
    leaf += EVENT_ID + struct.pack(">QQ", 7, 42) + confirm_event.body_of(commitments)
    expect("leaf", leaf.hex(), LEAF)
    return leaf


def check_note(leaf):
    log = confirm_tlog.Key("log.example/o/1", 0x01, b"\x2a" * 32)
    witness = confirm_tlog.Key("witness.example/w1", 0x04, b"\x07" * 32)
    expect("vkey of the log", log.vkey, LOG_VKEY)
    expect("vkey of the witness", witness.vkey, WITNESS_VKEY)
    text, note = confirm_tlog.checkpoint(log, 1, confirm_tlog.b64(confirm_tlog.sha256(b"\0", leaf)))
    expect("note", note + witness.line(text, 1_700_000_002), NOTE)


def main():
    for size, root in ROOTS.items():
        expect(f"root of {size}", confirm_tlog.b64(confirm_tlog.root(0, size)), root)
    check_ed25519()
    check_note(check_event())
    print(f"constants confirmed: {len(ROOTS)} roots, 1 signature, 1 event, 1 note with a cosignature")
    confirm_tlog.main()
    confirm_event.main()


if __name__ == "__main__":
    main()
