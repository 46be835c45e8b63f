# /// script
# dependencies = ["attrs"]
# [tool.libraries]
# environment = "core"
# ///
import attrs


@attrs.define
class Point:
    x: int = attrs.field(converter=int, validator=attrs.validators.ge(0))
    y: int = 0


assert attrs.asdict(Point("3")) == {"x": 3, "y": 0}
try:
    Point(-1)
except ValueError:
    pass
