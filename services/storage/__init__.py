"""Storage: buckets for deployments, keys that open nothing else, and backups.

Owns:     buckets, access keys, retention, backups.
Consumes: DeploymentRequested, DeploymentRemovalRequested, DeploymentFailed, BackupRequested,
          StateExported, RestoreRequested, StateImported, BackupRemovalRequested, CancelRequested,
          DeadLetterDiscardRequested of every service.
Emits:    StorageReady, StorageRemoved, StateExportRequested, BackupCompleted,
          StateImportRequested, RestoreCompleted, BackupRemoved, StorageFailed.
"""
