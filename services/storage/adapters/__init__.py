"""Where storage meets the world: object stores and its own tables."""
