"""What travels on the bus: `ev.<service>.<deployment>.<EventName>` facts and progress.

The class name is the event name, its owner the service that emits it. Pure pydantic and standard
library; one sample per event lies in docs/events/samples.
"""
