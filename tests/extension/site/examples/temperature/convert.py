"""Degrees Celsius and degrees Fahrenheit."""

import sys

ABSOLUTE_ZERO = -273.15


def to_fahrenheit(celsius: float) -> float:
    """Return degrees Fahrenheit for degrees Celsius."""
    if celsius < ABSOLUTE_ZERO:
        raise ValueError(f"{celsius} degrees are below absolute zero")
    return celsius * 9 / 5 + 32


if __name__ == "__main__":
    print(to_fahrenheit(float(sys.argv[1])))
