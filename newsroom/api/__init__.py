"""The newsroom's interface for programs, `/api/v1/`: doors over the same gate, predicate and history as the pages.

`models` `tokens` → `callers` (who asks, and with which scopes) → `stories` `pictures` `judging` (the doors), each with
what it takes (`words`) and gives (`shapes`, `telling`); `problems` for everything refused; `site` puts them together.
"""
