"""Deployer: turn what was asked for and granted into running applications, or back.

Owns:     systems, activations, application secrets, start permits, health.
Consumes: DeploymentRequested, DeploymentRemovalRequested, VMReady, StorageReady,
          CancelRequested, RestartRequested, QuiesceRequested, ResumeRequested,
          StateExportRequested, StateImportRequested.
Emits:    ConfigDeployed, DeploymentFailed, SystemRemoved, ApplicationQuiesced, ApplicationResumed,
          HealthChanged, StateExported, StateImported.
"""
