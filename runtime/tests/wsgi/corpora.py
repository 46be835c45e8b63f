"""Other servers' request corpora over the wire: corpora.py LIBRARY [NAME...]. $CORPORA is a folder for what pip fetches."""

import sys
import unittest

from corpus_gunicorn import Gunicorn
from corpus_llhttp import Llhttp

__all__ = ["Gunicorn", "Llhttp"]

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
