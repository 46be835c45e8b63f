"""Imports much of the standard library, as a program with a network and a command line does, and ends."""

import argparse
import asyncio
import http.client
import json
import logging

if __name__ == "__main__":
    print(json.dumps([module.__name__ for module in (argparse, asyncio, http.client, json, logging)]))
