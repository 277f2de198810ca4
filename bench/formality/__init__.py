"""Measures how often a translation addresses people in the register that was asked for."""
