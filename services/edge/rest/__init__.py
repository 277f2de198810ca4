"""Requests without a session: texts, short clips, languages."""
