# /// script
# dependencies = ["marshmallow"]
# [tool.libraries]
# environment = "web"
# ///
from marshmallow import Schema, ValidationError, fields


class Item(Schema):
    n = fields.Int(required=True)
    when = fields.DateTime()


assert Item().load({"n": "3"}) == {"n": 3}
try:
    Item().load({"when": "x"})
except ValidationError as error:
    assert set(error.messages) == {"n", "when"}
