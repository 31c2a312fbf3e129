"""Storage: buckets for deployments, and keys that open nothing else.

Owns:     buckets, access keys, retention.
Consumes: DeploymentRequested, DeploymentRemovalRequested, CancelRequested.
Emits:    StorageReady, StorageRemoved, StorageFailed.
"""
