"""What the five services have in common: contracts and plumbing, never a business rule.

Something enters this package when a second service needs it. It knows no service.
"""
