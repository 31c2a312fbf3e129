"""Provisioner: machines for deployments, and the way to them from outside.

Owns: machines, their addresses, DNS records, routes, placement.
Consumes: DeploymentRequested, DeploymentRemovalRequested, ConfigDeployed,
    CancelRequested, ApplicationQuiesced, ApplicationResumed.
Emits: VMReady, VMRemoved, RoutePublished, MaintenanceChanged, ProvisioningFailed.
"""
