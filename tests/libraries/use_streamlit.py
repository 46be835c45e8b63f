# /// script
# dependencies = ["streamlit"]
# [tool.libraries]
# environment = "science"
# ///
import streamlit as st
from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st
    st.title("pack")
    n = st.slider("n", 0, 10, 3)
    st.write(f"twice is {n * 2}")


test = AppTest.from_function(page).run(timeout=30)
assert not test.exception, test.exception
assert test.title[0].value == "pack" and test.markdown[0].value == "twice is 6"
