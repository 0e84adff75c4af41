"""A charm that keeps a value in every place that the guide compares, and looks for it there."""

from pathlib import Path

import ops


class Keeper(ops.CharmBase):
    """Keep a value, and recall it."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self._stored.set_default(value=None)
        self.value = None
        framework.observe(self.on.keep_action, self._on_keep_action)
        framework.observe(self.on.recall_action, self._on_recall_action)

    @property
    def peers(self) -> ops.Relation:
        """The peer relation, which is there before any action."""
        relation = self.model.get_relation("peers")
        assert relation is not None
        return relation

    @property
    def files(self) -> dict[str, Path]:
        """A file in each storage, by the storage's name."""
        return {
            name: storages[0].location / "value" for name, storages in self.model.storages.items()
        }

    def _on_keep_action(self, event: ops.ActionEvent) -> None:
        value = event.params["value"]
        peers = self.peers
        self.value = value
        self._stored.value = value
        peers.data[self.unit]["value"] = value
        for file in self.files.values():
            file.write_text(value)
        if self.unit.is_leader():
            peers.data[self.app]["value"] = value
            self.app.add_secret({"value": value}, label="value")

    def _on_recall_action(self, event: ops.ActionEvent) -> None:
        peers = self.peers
        values = {peers.data[unit].get("value") for unit in (self.unit, *peers.units)}
        try:
            secret = self.model.get_secret(label="value").get_content()["value"]
        except ops.SecretNotFoundError:
            secret = None
        found = {
            "nothing": self.value,
            "storedstate": self._stored.value,
            "unit-databag": next(filter(None, values), None),
            "app-databag": peers.data[self.app].get("value"),
            "secret": secret,
        }
        found |= {name: file.read_text() for name, file in self.files.items() if file.exists()}
        event.set_results({place: value for place, value in found.items() if value})


if __name__ == "__main__":
    ops.main(Keeper)
