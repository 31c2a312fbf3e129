"""The REST API under /api/v1: JSON in, JSON out, RFC 9457 problems, server-sent events."""
