# /// script
# dependencies = ["pydantic[email,timezone]", "pydantic-settings"]
# [tool.libraries]
# environment = "core"
# ///
import os
import datetime

import pydantic
from pydantic_settings import BaseSettings


class User(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=2)
    mail: pydantic.EmailStr
    born: datetime.date


user = User(name="Ada", mail="ada@example.org", born="1815-12-10")
assert user.born.year == 1815 and '"mail":"ada@example.org"' in user.model_dump_json()
try:
    User(name="A", mail="no", born="x")
except pydantic.ValidationError as error:
    assert error.error_count() == 3
assert User.model_json_schema()["required"] == ["name", "mail", "born"]


class Settings(BaseSettings):
    port: int


os.environ["PORT"] = "8000"
assert Settings().port == 8000
