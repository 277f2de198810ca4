"""Shapes a text for a translator, and its translation back: what a translator cannot read never reaches it. Pure.

`pieces.cut` makes the pieces of a text; each is asked by itself, and `Piece.restored` makes the answer what is read.
"""
