"""What was measured in real dispatches, as the pages have to say it.

`test_lifetimes.py` and `test_faults.py` hold the dispatches to this, and
`tests/proofs/test_measured.py` the pages.
"""

COLUMNS = (
    "Next event",
    "Recreated container",
    "Charm upgrade",
    "Change of leader",
    "Removed unit",
)
LIFETIMES = {
    "StoredState": (
        "kept",
        "lost",
        "kept on machines, lost on Kubernetes",
        "kept, for this unit only",
        "lost",
    ),
    "unit databag": ("kept", "kept", "kept", "kept", "lost"),
    "app databag": ("kept", "kept", "kept", "kept", "kept"),
    "secret": ("kept", "kept", "kept", "kept", "kept"),
    "machine-dependent storage": (
        "kept",
        "lost",
        "kept on machines, lost on Kubernetes",
        "kept, for this unit only",
        "lost",
    ),
    "machine-independent storage": (
        "kept",
        "kept",
        "kept",
        "kept, for this unit only",
        "kept, for the unit that is given it",
    ),
}
"""How long a value lasts in each place that the stand-in for the hook environment has."""

ERRORS = {
    "It is cut short": "sqlite3.DatabaseError: database disk image is malformed",
    "Its beginning is overwritten": "sqlite3.DatabaseError: file is not a database",
    "A folder is in its place": "sqlite3.OperationalError: unable to open database file",
    "The disk is full": "sqlite3.OperationalError: database or disk is full",
    "The file system is read-only": (
        "RuntimeError: Unable to adjust access permission of '.../.unit-state.db'"
    ),
}
"""What stands last in the traceback in Juju's log, by what has happened to the file."""
