"""The pages: each function answers one address of routes.py."""
