"""Owners: what operators allow them, and what counts against that."""
