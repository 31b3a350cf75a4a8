"""Loads sample events into one other store, asks the seven questions, checks every answer, prints figures as JSON.

usage: run.py ENGINE EVENTS.ndjson EXPECTED.json [REPEATS]

ENGINE is one of engines.py, or `indelible` for a server that holds the events already (see service.py).

Times are in ms as the caller sees them, medians; CPU is that of this process and its children, or of the processes
that it talks to.
"""

import json
import resource
import statistics
import sys
import time

from engines import with_folder
from questions import NAMES, check
from service import Indelible


def cpu_seconds():
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def measure_load(engine, events, expected):
    started, cpu = time.monotonic(), cpu_seconds()
    engine.load(events)
    seconds, cpu = time.monotonic() - started, cpu_seconds() - cpu
    return {
        "events_per_second": expected["events"] / seconds,
        "load_cpu_us_per_event": cpu / expected["events"] * 1e6,
        "bytes_per_event": engine.size() / expected["events"],
    }


def measure_answers(engine, expected, repeats):
    medians = {}
    for name in NAMES:
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            answer = engine.answer(name, expected["asked"])
            times.append((time.perf_counter() - started) * 1000)
        check(name, answer, expected)
        medians[name] = statistics.median(times)
    return {"engine": engine.name, "durable": engine.durable, "events": expected["events"], "ms": medians}


def measure(engine, events, expected, repeats):
    load = measure_load(engine, events, expected)
    return load | measure_answers(engine, expected, repeats)


def main():
    kind, events, expected = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
    repeats = int(sys.argv[4]) if len(sys.argv) > 4 else 7
    if kind == "indelible":
        figures = measure_answers(Indelible(), expected, repeats)
    else:
        figures = with_folder(kind, lambda engine: measure(engine, events, expected, repeats))
    print(json.dumps(figures))


main()
