"""Opens a window that is given no icon, and one that is given a green one; both stay until the program is told to go on."""

import os
import sys
import tkinter

go_on = sys.argv[1]
root = tkinter.Tk()
root.title("bare")
root.geometry("320x160+60+60")
other = tkinter.Toplevel(root)
other.title("own")
other.geometry("320x160+400+60")
picture = tkinter.PhotoImage(width=16, height=16)
picture.put("#00c020", to=(0, 0, 16, 16))
other.iconphoto(False, picture)


def look():
    if os.path.exists(go_on):
        root.destroy()
    else:
        root.after(20, look)


look()
root.after(100_000, root.destroy)
root.mainloop()
