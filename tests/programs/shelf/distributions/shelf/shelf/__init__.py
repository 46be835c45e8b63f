"""A library with every kind of file that waits until a program asks for it."""


def main():
    print("shelf")
