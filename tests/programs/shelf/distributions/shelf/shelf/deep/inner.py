def shown():
    return "inner"  # the line `inspect` shows
