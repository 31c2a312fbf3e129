"""The pages by subject: each module has a router, and does no more than ask and show."""
