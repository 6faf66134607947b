"""What reaches people outside these pages: by e-mail for whoever can act, by a signed webhook for a house's own tools.

`telling` decides whom and when, `sending` delivers from rows, `pages` lets each person choose, `setting` reads the
environment. A message carries its reason and the way to the story; no picture, no source, and no headline of a
confidential desk.
"""
