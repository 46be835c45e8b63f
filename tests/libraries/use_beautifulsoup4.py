# /// script
# dependencies = ["beautifulsoup4", "html5lib", "lxml"]
# [tool.libraries]
# environment = "core"
# ///
import bs4

for parser in ("html.parser", "lxml", "html5lib"):
    soup = bs4.BeautifulSoup("<p>one</p><p class=x>two</p>", parser)
    assert [p.get_text() for p in soup.find_all("p")] == ["one", "two"], parser
    assert soup.select_one("p.x").text == "two"
