"""Verifies a webhook request with the library of Standard Webhooks.

webhook.py SECRET FILE   FILE: {"headers": {...}, "body": "..."}
"""

import json
import sys

from standardwebhooks.webhooks import Webhook

secret, file = sys.argv[1:]
request = json.load(open(file))
Webhook(secret).verify(request["body"], request["headers"])
try:
    Webhook(secret).verify(request["body"] + " ", request["headers"])
except Exception:
    print("verified")
