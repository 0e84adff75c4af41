"""Where the proofs find the stand-in for the hook environment, also in a build's own sessions."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "juju"))
