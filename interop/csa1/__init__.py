"""A small client of csa1, written from docs/spec alone: the suites of X25519 and Ed25519, over TLS on TCP.

It shares no code with the rest of the project, so that a page that is wrong or not enough shows.
"""
