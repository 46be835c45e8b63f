# /// script
# dependencies = ["Django>=5"]
# [tool.libraries]
# environment = "core"
# ///
import django
from django.conf import settings

settings.configure(
    DEBUG=True, SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_I18N=True, LANGUAGE_CODE="de",
    INSTALLED_APPS=["django.contrib." + name for name in
                    ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "humanize")],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    STATIC_URL="/static/", DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "context_processors": ["django.template.context_processors.request",
                               "django.contrib.auth.context_processors.auth",
                               "django.contrib.messages.context_processors.messages"]}}])
django.setup()
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template import engines
from django.test import Client
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
call_command("migrate", verbosity=0)
User.objects.create_superuser("root", "root@example.org", "secret")
page = Client().get("/admin/login/")
assert page.status_code == 200 and "Anmelden" in page.content.decode()
client = Client()
assert client.login(username="root", password="secret")
assert "root" in client.get("/admin/auth/user/").content.decode()
assert finders.find("admin/css/base.css")
assert engines["django"].from_string("{% load humanize %}{{ 1234567|intcomma }}").render() == "1.234.567"
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
