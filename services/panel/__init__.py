"""Panel: where operators say what they want and watch it happen; REST API and command line.

Owns: people, operators, memberships, tokens, domains, configurations, revisions, runs, audit.
Consumes: every fact that ends a step of a run, progress, and announced dead letters.
Emits: DeploymentRequested, DeploymentRemovalRequested, DeadLetterReplayRequested,
DeadLetterDiscardRequested.
"""
