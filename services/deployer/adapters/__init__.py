"""The technologies behind deployer's ports: Nix, SSH, HTTP and PostgreSQL."""
