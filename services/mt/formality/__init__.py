"""Puts the address of translations into one register: you as to a stranger, or as to a friend."""
