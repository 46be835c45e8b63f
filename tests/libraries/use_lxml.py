# /// script
# dependencies = ["lxml"]
# [tool.libraries]
# environment = "core"
# ///
from lxml import etree, html

tree = etree.fromstring("<a><b n='1'/><b n='2'/></a>")
assert tree.xpath("sum(//b/@n)") == 3
style = etree.XSLT(etree.fromstring(
    '<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:template match="/">'
    '<n><x:value-of select="count(//b)"/></n></x:template></x:stylesheet>'))
assert str(style(tree)).strip().endswith("<n>2</n>")
assert html.fromstring("<p>one <i>two").text_content() == "one two"
from lxml import isoschematron
assert isoschematron.schematron_schema_valid is not None
