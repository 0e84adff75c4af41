"""What answers the command `juju`."""

import inspect
import json
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from juju_command.juju_model import JujuModel
from juju_command.options import Options, Refused, parse
from juju_command.pebble import Cluster
from juju_command.subcommands import NoTask, Subcommands, TaskFailed


class Controller:
    """The models, and the time that passes in them.

    Args:
        directory: where the models may have their files.
        cluster: where charms are deployed; None on machines.
    """

    def __init__(self, directory: Path, cluster: Cluster | None):
        self._directory = directory
        self._cluster = cluster
        self._models: dict[str, JujuModel] = {}
        self.seconds = 0.0
        """The time that has passed."""
        # A test and the commands that it has started are two threads.
        self._lock = threading.Lock()

    def run(self, _: str, arguments: Sequence[str], piped: str) -> tuple[int, str, str]:
        """Run the command; return its exit status, and what it prints to stdout and stderr."""
        try:
            if not arguments:
                raise Refused("juju without a subcommand is not part of this stand-in for juju")
            name = arguments[0]
            options, values = parse(name, arguments[1:])
            with self._lock:
                method = self._method(name, options)
                try:
                    bound = inspect.signature(method).bind(options, *values)
                except TypeError as error:
                    raise Refused(f"{name}: {error}") from error
                answer = method(*bound.args)
        except TaskFailed as failed:
            return 1, json.dumps(failed.results), f"ERROR {failed}\n"
        except NoTask as none:
            return 0, "", f"Operation failed to schedule any tasks:\n{none}\n"
        except Refused as refused:
            return 1, "", f"ERROR {refused}\n"
        except Exception:
            return 2, "", f"this stand-in for juju has failed\n{traceback.format_exc()}"
        return 0, answer if isinstance(answer, str) else json.dumps(answer), ""

    def pass_time(self, seconds: float) -> None:
        """Let time pass in all models."""
        with self._lock:
            before = int(self.seconds)
            self.seconds += seconds
            for _ in range(int(self.seconds) - before):
                for model in self._models.values():
                    model.pass_second()

    def _method(self, name: str, options: Options) -> Callable[..., object]:
        if name in ("add-model", "destroy-model"):
            return getattr(self, f"_{name.replace('-', '_')}")
        asked = options.get("model", [""])[-1]
        if asked not in self._models:
            raise Refused(f'model "{asked}" not found')
        return getattr(Subcommands(self._models[asked]), name.replace("-", "_"))

    def _add_model(self, options: Options, name: str) -> object:
        if name in self._models:
            raise Refused(f'model "{name}" already exists')
        directory = self._directory / name
        directory.mkdir()
        self._models[name] = JujuModel(name, directory, self._cluster)
        return ""

    def _destroy_model(self, options: Options, name: str) -> object:
        """Destroy a model. With `--force`, no hook is waited for; without, none is run here."""
        if name not in self._models:
            raise Refused(f'model "{name}" not found')
        del self._models[name]
        return ""
