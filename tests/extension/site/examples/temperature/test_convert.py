import subprocess
import sys
from pathlib import Path

import convert
import pytest
from convert import ABSOLUTE_ZERO, to_fahrenheit


@pytest.mark.parametrize(("celsius", "fahrenheit"), [(-40, -40), (0, 32), (100, 212)])
def test_known_temperatures(celsius: float, fahrenheit: float):
    assert to_fahrenheit(celsius) == fahrenheit


def test_absolute_zero_is_the_limit():
    assert to_fahrenheit(ABSOLUTE_ZERO) == pytest.approx(-459.67)
    with pytest.raises(ValueError, match="below absolute zero"):
        to_fahrenheit(ABSOLUTE_ZERO - 0.01)


def test_it_is_a_command():
    script = Path(convert.__file__)
    assert subprocess.check_output([sys.executable, script, "100"], text=True) == "212.0\n"
