"""A small site that adopts the app: a UUID key, a field called `picture`, no tier, no desks."""
