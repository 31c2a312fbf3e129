"""What storage knows without asking anybody: buckets, backups, and the objects in them; no I/O.

deployment ─┬─ bucket ─ holder ─ access key
            └─ backup ─┬─ index ─ object
                       └─ loan (to the deployment that is being restored)
"""
