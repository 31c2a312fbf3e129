"""Storage: buckets for deployments, and keys that open nothing else.

Owns:     buckets, access keys, retention.
Consumes: DeploymentRequested, DeploymentRemovalRequested.
Emits:    StorageReady, StorageRemoved, StorageFailed.
"""
