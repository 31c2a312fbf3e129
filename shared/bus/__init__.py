"""The bus: facts of one service reach the others at least once, and take effect once.

    commit state + outbox row → relay → EV → pull → inbox row + state + outbox row → ack

What is committed is published, however long the bus is away; what cannot be handled becomes a
dead letter, a row that a person lists, shows, replays or discards. Nothing is ever dropped.

    await outbox.add(tx, event, service="panel")               # in the transaction of the change
    await consumer.consume(connection, database, routes)       # until cancelled
"""
