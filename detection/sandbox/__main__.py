"""`python -m detection.sandbox`: the child's side."""

from __future__ import annotations

import sys

from detection.sandbox import child

if __name__ == "__main__":
    child.main(sys.argv[1:])
