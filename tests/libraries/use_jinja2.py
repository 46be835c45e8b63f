# /// script
# dependencies = ["jinja2"]
# [tool.libraries]
# environment = "core"
# ///
import jinja2

environment = jinja2.Environment(loader=jinja2.DictLoader({"base": "<{% block b %}{% endblock %}>",
                                                           "page": "{% extends 'base' %}{% block b %}{{ x|join('-') }}{% endblock %}"}),
                                 extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"])
assert environment.get_template("page").render(x=[1, 2]) == "<1-2>"
assert jinja2.Environment(enable_async=True).from_string("{{ a }}").render(a=1) == "1"
try:
    environment.from_string("{{ 1 / 0 }}").render()
except ZeroDivisionError as error:
    assert error.__traceback__ is not None
