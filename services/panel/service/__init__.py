"""What panel does: one class per subject, one method per use case, in the caller's transaction.

Whoever opens the transaction commits it: the API for a request, the consumer for a message, a
job for its end. Nothing here talks to the world.
"""
