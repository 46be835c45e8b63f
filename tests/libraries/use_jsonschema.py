# /// script
# dependencies = ["jsonschema[format]"]
# [tool.libraries]
# environment = "core"
# ///
import jsonschema

schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
          "properties": {"mail": {"type": "string", "format": "email"}}, "required": ["mail"]}
check = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
assert check.is_valid({"mail": "a@b"}) and not check.is_valid({"mail": "no"}) and not check.is_valid({})
jsonschema.Draft7Validator.check_schema({"type": "array"})
