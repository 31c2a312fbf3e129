"""What panel knows without asking anybody: names, options, configurations, runs; no I/O.

operator ─┬─ membership ─ person ─ token (scopes)
          └─ domain ─ deployment ─┬─ configuration (staged)
                                  ├─ revision 1, 2, … (immutable)
                                  └─ run 1, 2, … (applies a revision, or removes)
"""
