"""Rooms: many speakers, many listeners, each in a language of their own.

    transport ─▶ Rooms.joined ─▶ Member.hear / type / change
                                 Member.messages ─▶ transport

A transport hands in a member's audio and wishes and takes out its messages; what they say is the same in all of them.
`rooms.py` has the rooms of a process, `member.py` what a transport holds, `room.py` who gets what, `record.py` what was
said, `demand.py` what has to be translated, `speaking.py` a speaker's session at the gateway, `bus.py` other edges.
"""
