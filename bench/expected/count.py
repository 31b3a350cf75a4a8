"""Answers the seven benchmark questions from generated events, independently of the product and of the generator.

usage: count.py EVENTS.ndjson QUESTIONS.json > N.json

Q1 newest 50 of an account; Q2 count of an actor and its newest 50; Q3 events per day of the most frequent code;
Q4 the ten most active actors; Q5 all events with the rare word in message or parameters; Q6 distinct actors per
account; Q7 all events of one session. Lists of events are kept as their number and the SHA-256 of their lines
"occurred_at code session", sorted, because events have no identifier before they are stored. Where several events
share the time at the edge of "newest 50" the whole tie is named by the edge's time and the number above it.
"""

import collections
import hashlib
import json
import sys


def listed(rows):
    lines = sorted(f"{e['occurred_at']} {e['code']} {e['session']['id']}" for e in rows)
    return {"count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def newest(rows, number=50):
    times = sorted((e["occurred_at"] for e in rows), reverse=True)
    edge = times[number - 1] if len(times) >= number else times[-1]
    return {"count": len(times), "first": times[0], "edge": edge, "after_edge": sum(t > edge for t in times)}


def main():
    asked = json.load(open(sys.argv[2]))
    account, actor, days, rare, session = [], [], collections.Counter(), [], []
    actors, per_account, code_count, total = collections.Counter(), collections.defaultdict(set), 0, 0
    for line in open(sys.argv[1]):
        event = json.loads(line)
        total += 1
        if event["account"] == asked["account"]:
            account.append(event)
        if event["actor"]["id"] == asked["actor"]:
            actor.append(event)
        if event["code"] == asked["code_common"]:
            days[event["occurred_at"][:10]] += 1
        actors[event["actor"]["id"]] += 1
        if asked["rare"] in event["message"] or any(asked["rare"] in v for v in event["params"].values()):
            rare.append(event)
        per_account[event["account"]].add(event["actor"]["id"])
        if event["session"]["id"] == asked["session"]:
            session.append(event)
    answers = {
        "events": total,
        "asked": asked,
        "q1": newest(account),
        "q2": newest(actor),
        "q3": dict(sorted(days.items())),
        "q4": sorted(actors.items(), key=lambda item: (-item[1], item[0]))[:10],
        "q5": listed(rare),
        "q6": {name: len(ids) for name, ids in sorted(per_account.items())},
        "q7": listed(session),
    }
    json.dump(answers, sys.stdout, indent=1)
    print()


main()
