def Stamp(respond):
    def stamped(request):
        answer = respond(request)
        answer["X-Stamp"] = "shop"
        return answer

    return stamped
