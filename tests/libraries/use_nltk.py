# /// script
# dependencies = ["nltk"]
# [tool.libraries]
# environment = "web"
# ///
import nltk
from nltk.stem import PorterStemmer, SnowballStemmer
from nltk.tokenize import TreebankWordTokenizer

assert PorterStemmer().stem("running") == "run"
assert SnowballStemmer("german").stem("Häuser") == "haus"
assert TreebankWordTokenizer().tokenize("It's here.") == ["It", "'s", "here", "."]
grammar = nltk.CFG.fromstring("S -> 'a' S | 'a'")
assert len(list(nltk.ChartParser(grammar).parse(["a", "a"]))) == 1
assert nltk.edit_distance("pack", "park") == 1
