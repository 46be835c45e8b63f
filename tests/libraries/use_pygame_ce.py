# /// script
# dependencies = ["pygame-ce"]
# [tool.libraries]
# environment = "desktop"
# ///
import os

os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
import pygame

pygame.init()
screen = pygame.display.set_mode((80, 60))
screen.blit(pygame.font.Font(None, 20).render("pack", True, "white"), (5, 5))
pygame.draw.circle(screen, "red", (40, 40), 5)
assert screen.get_at((40, 40))[:3] == (255, 0, 0)
pygame.mixer.init()
pygame.event.post(pygame.event.Event(pygame.QUIT))
assert pygame.QUIT in {event.type for event in pygame.event.get()}
pygame.quit()
