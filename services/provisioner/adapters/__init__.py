"""Technology behind the ports of provisioner; only `__main__` names one of these."""
