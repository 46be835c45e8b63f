from pathlib import Path


def name():
    return Path(__file__).with_name("hammer.txt").read_text().strip()
