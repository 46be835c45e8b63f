# /// script
# dependencies = ["scrapy"]
# [tool.libraries]
# environment = "web"
# ///
import scrapy
from local_http import http_server
from scrapy.crawler import CrawlerProcess

found = []


class Spider(scrapy.Spider):
    name = "pack"

    def parse(self, response):
        found.append(response.json()["path"])
        if len(found) < 3:
            yield response.follow(f"/next{len(found)}")


with http_server() as url:
    Spider.start_urls = [url + "/start"]
    process = CrawlerProcess({"LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False})
    process.crawl(Spider)
    process.start()
assert found == ["/start", "/next1", "/next2"], found
