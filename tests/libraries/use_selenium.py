# /// script
# dependencies = ["selenium"]
# [tool.libraries]
# environment = "web"
# ///
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.selenium_manager import SeleniumManager
from selenium.webdriver.remote.remote_connection import RemoteConnection

options = webdriver.ChromeOptions()
options.add_argument("--headless=new")
assert options.to_capabilities()["browserName"] == "chrome"
assert By.CSS_SELECTOR == "css selector"
# A program of another language that the distribution brings along.
assert SeleniumManager._get_binary().exists()
import subprocess
assert b"selenium-manager" in subprocess.run([SeleniumManager._get_binary(), "--version"], capture_output=True).stdout
# Scripts that it sends to browsers, read with pkgutil.
from selenium.webdriver.remote import webelement
import pkgutil
assert pkgutil.get_data("selenium.webdriver.remote", "isDisplayed.js")
