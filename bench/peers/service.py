"""Indelible itself, asked over HTTP as any client would ask it; the events are already there.

Needs INDELIBLE_URL and INDELIBLE_TOKEN. The time of an answer includes the request, its JSON and its reading here.
"""

import http.client
import json
import os
import urllib.parse

from questions import NEWEST, millis

PAGE = 1000


class Indelible:
    name = "Indelible"
    durable = "yes"

    def __init__(self):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["INDELIBLE_URL"]).netloc)
        self.headers = {"Authorization": f"Bearer {os.environ['INDELIBLE_TOKEN']}"}

    def get(self, resource, **parameters):
        path = f"/api/v1/orgs/default/{resource}?{urllib.parse.urlencode(parameters)}"
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{path}: {body}")
        return body

    def events(self, query, limit):
        found = self.get("events", q=query, limit=limit, fields="occurred_at,code,session.id")
        assert found["complete"], "the answer is not complete"
        return [(millis(item["occurred_at"]), item["code"], item["session"]["id"]) for item in found["items"]]

    def answer(self, name, asked):
        return getattr(self, name)(asked)

    def q1(self, asked):
        return self.events(f"account:{asked['account']}", NEWEST)

    def q2_count(self, asked):
        return self.get("facets", q=f"actor:{asked['actor']}", fields="actor", top=1)["events"]

    def q2(self, asked):
        return self.events(f"actor:{asked['actor']}", NEWEST)

    def q3(self, asked):
        found = self.get("histogram", q=f"code:{asked['code_common']}", width="day")
        return {bar["start"][:10]: bar["count"] for bar in found["bars"] if bar["count"]}

    def q4(self, asked):
        [facet] = self.get("facets", fields="actor", top=10)["items"]
        return [(value["value"], value["count"]) for value in facet["values"]]

    def q5(self, asked):
        # The searches themselves are events, and hold the word.
        return self.events(f"{asked['rare']} -catalog:indelible", PAGE)

    def q6(self, asked):
        found = self.get("groups", by="account", limit=PAGE)
        return {group["values"][0]: group["actors"] for group in found["items"]}

    def q7(self, asked):
        return self.events(f"session:{asked['session']}", PAGE)
