from django.core.management.base import BaseCommand
from polls.models import Question


class Command(BaseCommand):
    def handle(self, **options):
        print(Question.objects.count(), "questions")
