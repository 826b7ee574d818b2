"""Joins services to adapters: one module a function, each with only the clients that its function needs.

A function's cold start is mostly imports and clients, so nothing here is shared that one of them could do without.
"""
