"""The newsroom's settings with a queue that gives a task four seconds, for tasks that overrun."""

from __future__ import annotations

from newsroom.settings import *  # noqa: F403
from newsroom.settings import Q_CLUSTER as _Q_CLUSTER

Q_CLUSTER = {**_Q_CLUSTER, "timeout": 4, "retry": 60}
