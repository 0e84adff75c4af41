"""Metres, and feet and inches."""


def to_feet(metres: float) -> tuple[int, float]:
    """Return whole feet, and the inches left."""
    feet, inches = divmod(metres / 0.0254, 12)
    return int(feet), round(inches, 1)
