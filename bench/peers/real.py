"""Real audit records, repeated with fresh ids and times until there are many: sent to a running server, then asked about.

usage: real.py send CLOUDTRAIL|GITHUB|KUBERNETES COUNT | real.py ask CATALOG

Text that people and programs wrote is less regular than that of the sample events. Needs INDELIBLE_URL and
INDELIBLE_TOKEN. `ask` takes values that the data has from the data itself and prints the medians as JSON.
"""

import datetime
import http.client
import json
import os
import random
import statistics
import sys
import time
import urllib.parse
import uuid

from service import Indelible

BATCH = 1000
REPEATS = 9
DAYS = 90
DATA = os.path.join(os.path.dirname(__file__), "../../tests/data")


def stamp(at, form):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime(form)


def cloudtrail(record, at, rng):
    fresh = {"eventID": str(uuid.UUID(int=rng.getrandbits(128))), "eventTime": stamp(at, "%Y-%m-%dT%H:%M:%SZ")}
    if record.get("requestID"):
        fresh["requestID"] = str(uuid.UUID(int=rng.getrandbits(128)))
    return record | fresh


def github(record, at, rng):
    fresh = {name: int(at * 1000) for name in ("@timestamp", "created_at") if name in record}
    return record | fresh | {"created_at": int(at * 1000), "_document_id": f"{rng.getrandbits(128):032x}"}


def kubernetes(record, at, rng):
    text = stamp(at, "%Y-%m-%dT%H:%M:%S.%fZ")
    return record | {
        "auditID": str(uuid.UUID(int=rng.getrandbits(128))),
        "requestReceivedTimestamp": text,
        "stageTimestamp": text,
    }


SOURCES = {
    "cloudtrail": ("cloudtrail-invictus.ndjson", "cloudtrail", cloudtrail),
    "github": ("github-panther.ndjson", "match", github),
    "kubernetes": ("k8s-panther.ndjson", "match", kubernetes),
}


def send(source, count):
    name, form, renew = SOURCES[source]
    with open(os.path.join(DATA, name)) as file:
        records = [json.loads(line) for line in file]
    rng, start = random.Random(42), time.time() - DAYS * 86400
    server = urllib.parse.urlsplit(os.environ["INDELIBLE_URL"]).netloc
    connection = http.client.HTTPConnection(server)
    headers = {
        "Authorization": f"Bearer {os.environ['INDELIBLE_TOKEN']}",
        "Content-Type": "application/x-ndjson",
    }
    sums, bytes_sent = {}, 0
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        lines = [
            json.dumps(renew(rng.choice(records), start + DAYS * 86400 * number / count, rng)) for number in numbers
        ]
        body = "\n".join(lines).encode()
        bytes_sent += len(body)
        connection.request("POST", f"/api/v1/orgs/default/events?format={form}", body, headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        if answer.status not in (200, 201, 202, 207):
            raise RuntimeError(f"{answer.status}: {str(found)[:500]}")
        for item in found.get("results", []):
            state = str(item.get("status", item.get("result")))
            sums[state] = sums.get(state, 0) + 1
    print(json.dumps({"sent": count, "json_bytes": bytes_sent / count, "answers": sums}))


def top(server, field, query, rank=0):
    [facet] = server.get("facets", q=query, fields=field, top=50)["items"]
    values = facet["values"]
    return values[min(rank, len(values) - 1)]["value"] if values else None


def questions(server, catalog):
    """Each question with its parameters, in the shape of the seven."""
    whole = f"catalog:{catalog}"
    actor, code = json.dumps(top(server, "actor", whole)), json.dumps(top(server, "code", whole))
    [newest] = server.get("events", q=whole, limit=1)["items"]
    rare = newest.get("source_id")
    # What comes closest to a session where there are none: one request.
    together = next((name for name in ("session", "request") if newest.get(name, {}).get("id")), None)
    together = f"{together}:{json.dumps(newest[together]['id'])}" if together else whole
    return {
        "q1": ("events", {"q": whole, "limit": 50}),
        "q2_count": ("facets", {"q": f"actor:{actor}", "fields": "actor", "top": 1}),
        "q2": ("events", {"q": f"actor:{actor}", "limit": 50}),
        "q3": ("histogram", {"q": f"code:{code}", "width": "day"}),
        "q4": ("facets", {"q": whole, "fields": "actor", "top": 10}),
        "q5": ("events", {"q": json.dumps(rare or "zzzz"), "limit": 50}),
        "q6": ("groups", {"q": whole, "by": "code", "limit": 1000}),
        "q7": ("events", {"q": together, "limit": 50}),
    }


def ask(catalog):
    server, medians = Indelible(), {}
    for name, (resource, parameters) in questions(server, catalog).items():
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            server.get(resource, **parameters)
            times.append((time.perf_counter() - started) * 1000)
        medians[name] = statistics.median(times)
    print(json.dumps({"ms": medians}))


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]))
else:
    ask(sys.argv[2])
