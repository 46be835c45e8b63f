# /// script
# dependencies = ["textual"]
# [tool.libraries]
# environment = "web"
# ///
import asyncio

from textual.app import App
from textual.widgets import Button, DataTable, Header, Label


class Demo(App):
    CSS = "Label { color: red; }"

    def compose(self):
        yield Header()
        yield Label("pack")
        yield Button("press", id="press")
        yield DataTable()

    def on_button_pressed(self):
        self.query_one(Label).update("pressed")


async def main():
    app = Demo()
    async with app.run_test() as pilot:
        await pilot.click("#press")
        await pilot.pause()
        assert "pressed" in str(app.query_one(Label).render())


asyncio.run(main())
