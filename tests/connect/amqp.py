"""A consumer of an AMQP broker that shares nothing with Indelible.

amqp.py PORT declare EXCHANGE QUEUE=PATTERN...   durable topic exchange and queues
amqp.py PORT drain QUEUE COUNT                   messages until COUNT different ids were seen, then what is left; a line each
"""

import json
import sys

import pika


def main():
    port, what, *rest = sys.argv[1:]
    parameters = pika.ConnectionParameters(
        "127.0.0.1", int(port), credentials=pika.PlainCredentials("guest", "guest")
    )
    channel = pika.BlockingConnection(parameters).channel()
    if what == "declare":
        exchange, *bindings = rest
        channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        for binding in bindings:
            queue, pattern = binding.split("=")
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, exchange, pattern)
        return
    queue, count = rest[0], int(rest[1])
    seen = set()
    for method, properties, body in channel.consume(queue, inactivity_timeout=20):
        if method is None:
            break
        channel.basic_ack(method.delivery_tag)
        seen.add(properties.message_id)
        show(method, properties, body)
        if len(seen) >= count:
            break
    channel.cancel()
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            break
        show(method, properties, body)


def show(method, properties, body):
    line = {
        "id": properties.message_id,
        "index": properties.headers["indelible-index"],
        "routing_key": method.routing_key,
        "mode": properties.delivery_mode,
        "payload": json.loads(body),
    }
    print(json.dumps(line))


main()
