"""Speech to transcripts: what recognizers are sent, what they answer, and how one follows another."""
