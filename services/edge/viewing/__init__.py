"""Captions of a session for those who only read: who may, what came so far, and what comes."""
