"""The third-party servers of the embedded default, each started, awaited and stopped alike.

async with nats.running(directory, port=4222) as server:
    await nats_py.connect(server.url)
"""
