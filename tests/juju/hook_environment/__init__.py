"""A stand-in for the environment that a Juju unit's agent runs a charm's hooks in.

It is not Juju. There is no controller, no machine and no network: a `Model` in memory keeps what
hook commands read and write, and a `Unit` runs a packed charm's `dispatch` in a process of its
own, one event at a time. It has what the examples and the guides need: one application of any
number of units, its peer relations, secrets, configuration, statuses, actions and storage that is
a single file system. A hook command that it does not have fails, and says so.

Each rule of Juju's that it keeps stands beside the page of Juju's reference it was read from, as a
path below https://documentation.ubuntu.com/juju/3.6/reference/.
"""

from hook_environment.charm import model_of, pack
from hook_environment.hook import Hook
from hook_environment.model import Event, Model, Secret, Storage
from hook_environment.unit import Done, Unit

__all__ = ["Done", "Event", "Hook", "Model", "Secret", "Storage", "Unit", "model_of", "pack"]
