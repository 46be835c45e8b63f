# /// script
# dependencies = ["keyring", "keyrings.alt"]
# [tool.libraries]
# environment = "core"
# ///
import os
import tempfile

os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"]
import keyring

# keyrings.alt is found among the entry points `keyring.backends`, and by nothing else.
names = {type(backend).__module__ for backend in keyring.backend.get_all_keyring()}
assert "keyrings.alt.file" in names, names
keyring.set_keyring(keyring.core.load_keyring("keyrings.alt.file.PlaintextKeyring"))
keyring.set_password("service", "ada", "secret")
assert keyring.get_password("service", "ada") == "secret"
