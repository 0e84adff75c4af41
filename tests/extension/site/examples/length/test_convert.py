import pytest
from convert import to_feet


@pytest.mark.parametrize(("metres", "feet"), [(0, (0, 0.0)), (0.3048, (1, 0.0)), (1.8, (5, 10.9))])
def test_known_lengths(metres: float, feet: tuple[int, float]):
    assert to_feet(metres) == feet
