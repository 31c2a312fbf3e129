"""Panel's adapters: PostgreSQL for everything it knows, HTTP for how applications look outside."""
