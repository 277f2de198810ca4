"""Twenty terms, and sentences that hold each of them in places where a translator by rules may trip."""

from __future__ import annotations

from services.common.text.terminology import Term

SPANISH = (
    Term("voicemail", "buz\u00f3n de voz"),
    Term("call center", "centro de atenci\u00f3n"),
    Term("call", "llamada"),
    Term("extension", "n\u00famero interno"),
    Term("pound key", "tecla numeral"),
    Term("hold music", "m\u00fasica de espera"),
    Term("end of call report", "informe final"),
    Term("conference bridge", "sala de conferencias"),
    Term("account", "cuenta"),
    Term("on-call engineer", "ingeniera de guardia"),
    Term("failover", "conmutaci\u00f3n por error"),
    Term("release notes", "notas de la versi\u00f3n"),
    Term("C++"),
    Term("Asterisk"),
    Term("GitHub"),
    Term("Node.js"),
    Term("AT&T"),
    Term("US", "EE. UU."),
    Term("kubectl"),
    Term("St. John's", "San Juan"),
)
SENTENCES = (
    "You have three new voicemails. The first voicemail is from the call center!",
    "press the pound key to call extension nine",
    "HOLD MUSIC IS PLAYED BEFORE THE END OF CALL REPORT.",
    "the end of call report tells the end of the call",
    "Asterisk's conference bridge isn't full, is it?",
    "Open your account; don't close it. the old account",
    "The on-call engineer was called (again) about the failover...",
    "asterisk, github and node.js: read the release notes",
    "I'm writing C++ for AT&T in the US, they told us.",
    "kubectl works. Kubectl is a program.",
    "She lives in St. John's, and i live in the US.",
    "voicemail",
    'Extension? Extension! "Extension"',
    "a release notes-based call-center-like failover's extension",
    "send the account of the call center to the on-call engineer's voicemail on monday",
)
