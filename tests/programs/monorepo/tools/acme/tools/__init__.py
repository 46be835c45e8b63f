"""The other half, which plugs into the first; nothing imports it."""
