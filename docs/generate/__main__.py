"""Writes every document that is made of the code. A test says when one is stale."""

from __future__ import annotations

from docs.generate.documents import documents

for path, text in documents().items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
