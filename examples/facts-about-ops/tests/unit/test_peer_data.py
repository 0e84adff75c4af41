"""What `ops` does with the databags of a peer relation."""

from collections.abc import Callable

import ops
import pytest
from ops import testing

META = {"name": "demo", "peers": {"peers": {"interface": "demo_peers"}}}
each_unit = pytest.mark.parametrize("leader", [True, False], ids=["leader", "other"])
Handler = Callable[[ops.CharmBase, ops.Relation], None]


def run_handler(handler: Handler, leader: bool) -> testing.PeerRelation:
    """Run a function as the handler of an event in unit 0 of 2; return the peer relation.

    An error of the handler comes out as it is.
    """

    class Charm(ops.CharmBase):
        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            framework.observe(self.on.start, self._on_start)

        def _on_start(self, event: ops.StartEvent) -> None:
            relation = self.model.get_relation("peers")
            assert relation is not None
            handler(self, relation)

    ctx = testing.Context(Charm, meta=META)
    peers = testing.PeerRelation(
        "peers",
        local_app_data={"key": "of the application"},
        local_unit_data={"key": "of unit 0"},
        peers_data={1: {"key": "of unit 1"}},
    )
    try:
        state_out = ctx.run(ctx.on.start(), testing.State(relations={peers}, leader=leader))
    except testing.errors.UncaughtCharmError as error:
        raise error.__cause__ or error from None
    relation = state_out.get_relation(peers.id)
    assert isinstance(relation, testing.PeerRelation)
    return relation


def test_get_relation_returns_none_until_the_relation_exists():
    ctx = testing.Context(ops.CharmBase, meta=META)
    with ctx(ctx.on.start(), testing.State()) as manager:
        assert manager.charm.model.get_relation("peers") is None


def test_the_units_of_a_peer_relation_are_the_other_ones():
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        assert charm.unit.name == "demo/0"
        assert {unit.name for unit in relation.units} == {"demo/1"}

    run_handler(handler, leader=False)


@each_unit
def test_every_unit_reads_every_databag_of_a_peer_relation(leader: bool):
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        assert relation.data[charm.app]["key"] == "of the application"
        assert relation.data[charm.unit]["key"] == "of unit 0"
        (other,) = relation.units
        assert relation.data[other]["key"] == "of unit 1"

    run_handler(handler, leader)


@each_unit
def test_every_unit_writes_its_own_databag(leader: bool):
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        relation.data[charm.unit]["key"] = "new"

    assert run_handler(handler, leader).local_unit_data["key"] == "new"


@each_unit
def test_no_unit_writes_the_databag_of_another(leader: bool):
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        (other,) = relation.units
        relation.data[other]["key"] = "new"

    with pytest.raises(ops.RelationDataAccessError, match="not the same unit"):
        run_handler(handler, leader)


def test_the_leader_writes_the_databag_of_the_application():
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        relation.data[charm.app]["key"] = "new"

    assert run_handler(handler, leader=True).local_app_data["key"] == "new"


def test_no_other_unit_writes_the_databag_of_the_application():
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        relation.data[charm.app]["key"] = "new"

    with pytest.raises(ops.RelationDataAccessError, match="not leader"):
        run_handler(handler, leader=False)


@pytest.mark.parametrize("value", [1, None, ["a"], {"a": "b"}])
def test_a_databag_takes_strings_only(value: object):
    def handler(charm: ops.CharmBase, relation: ops.Relation) -> None:
        relation.data[charm.unit]["key"] = value  # pyright: ignore[reportArgumentType]

    with pytest.raises(ops.RelationDataTypeError, match="must be strings"):
        run_handler(handler, leader=False)
