def title(request):
    return {"title": "books"}
