import sys

print("run as", __name__, sys.argv[1:])
