"""Clients that ask a running server mixed questions until the time is over; prints counts and latencies as JSON.

usage: mixed.py EXPECTED.json CLIENTS SECONDS

Events may come in meanwhile, so answers are not compared; an error of any kind ends the measurement.
"""

import json
import statistics
import sys
import threading
import time

from questions import NAMES
from service import Indelible


def client(number, asked, until, times, failures):
    try:
        server = Indelible()
        turn = number
        while time.monotonic() < until:
            name = NAMES[turn % len(NAMES)]
            turn += 1
            started = time.perf_counter()
            server.answer(name, asked)
            times.append((name, (time.perf_counter() - started) * 1000))
    except Exception as error:  # Reported by the main thread, whatever it is.
        failures.append(f"client {number}: {error!r}")


def main():
    asked = json.load(open(sys.argv[1]))["asked"]
    clients, seconds = int(sys.argv[2]), float(sys.argv[3])
    times, failures, until = [], [], time.monotonic() + seconds
    threads = [
        threading.Thread(target=client, args=(number, asked, until, times, failures)) for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not times:
        sys.exit("\n".join(failures) or "nothing was asked")
    latencies = sorted(ms for _, ms in times)
    report = {
        "queries": len(times),
        "queries_per_second": len(times) / seconds,
        "p50": statistics.median(latencies),
        "p99": latencies[round(0.99 * (len(latencies) - 1))],
        "median_by_question": {
            name: statistics.median([ms for asked_name, ms in times if asked_name == name]) for name in NAMES
        },
    }
    print(json.dumps(report))


main()
