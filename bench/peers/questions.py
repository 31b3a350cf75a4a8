"""The seven benchmark questions, their expected answers, and how an answer is checked.

A peer answers each question in the same form: Q1, Q2, Q5 and Q7 a list of (time in ms, code, session), Q2 first a
count, Q3 a map from day to count, Q4 a list of (actor, count), Q6 a map from account to count.
"""

import datetime
import hashlib

NAMES = ["q1", "q2_count", "q2", "q3", "q4", "q5", "q6", "q7"]
NEWEST = 50


def text_time(ms):
    at = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def millis(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def listed(rows):
    lines = sorted(f"{text_time(ms)} {code} {session}" for ms, code, session in rows)
    return {"count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def check_newest(rows, expected):
    """Events that share the time at the edge may be others: only those above it must all be there."""
    times = [text_time(ms) for ms, _, _ in rows]
    assert times == sorted(times, reverse=True), "not newest first"
    assert len(times) == min(NEWEST, expected["count"]), f"{len(times)} rows"
    assert times[0] == expected["first"], f"begins at {times[0]}"
    assert times[-1] == expected["edge"], f"ends at {times[-1]}"
    assert sum(time > expected["edge"] for time in times) == expected["after_edge"]


def check(name, answer, expected):
    """Raises AssertionError where an answer is not the expected one."""
    if name in ("q1", "q2"):
        return check_newest(answer, expected[name])
    if name == "q2_count":
        wanted = expected["q2"]["count"]
    elif name in ("q5", "q7"):
        answer, wanted = listed(answer), expected[name]
    elif name == "q4":
        answer, wanted = [list(pair) for pair in answer], [list(pair) for pair in expected["q4"]]
    else:
        wanted = expected[name]
    assert answer == wanted, f"{name}: {str(answer)[:200]} instead of {str(wanted)[:200]}"
    return None
