"""The first contract, before anything was added: messages of a client that was compiled from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

_KINDS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
}
_PLAIN: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "SessionConfig": {"source_lang": (1, "string"), "target_lang": (2, "string"), "partial_results": (3, "bool")},
    "AudioChunk": {"data": (1, "bytes"), "format": (2, "string"), "sample_rate": (3, "uint32")},
    "TextChunk": {"text": (1, "string")},
    "Control": {"action": (1, "string")},
    "AsrResult": {"final": (1, "bool"), "text": (2, "string")},
    "TranslationResult": {"final": (1, "bool"), "text": (2, "string")},
    "TtsChunk": {"data": (1, "bytes"), "format": (2, "string")},
    "Error": {"code": (1, "string"), "message": (2, "string")},
}
_PAYLOADS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "ClientMessage": {
        "hello": (1, "SessionConfig"),
        "audio": (2, "AudioChunk"),
        "text": (3, "TextChunk"),
        "control": (4, "Control"),
    },
    "ServerMessage": {
        "asr": (1, "AsrResult"),
        "translation": (2, "TranslationResult"),
        "tts": (3, "TtsChunk"),
        "error": (4, "Error"),
    },
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="first.proto", package="realtime.v1", syntax="proto3")
    for name, fields in _PLAIN.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            message.field.add(name=field, number=number, type=_KINDS[kind], label=FieldDescriptorProto.LABEL_OPTIONAL)
    for name, fields in _PAYLOADS.items():
        message = file.message_type.add(name=name)
        message.oneof_decl.add(name="payload")
        for field, (number, kind) in fields.items():
            added = message.field.add(name=field, number=number, type=FieldDescriptorProto.TYPE_MESSAGE, oneof_index=0)
            added.type_name, added.label = f".realtime.v1.{kind}", FieldDescriptorProto.LABEL_OPTIONAL
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())
CLASSES: Mapping[str, Any] = message_factory.GetMessages([_file()], pool=_POOL)
ClientMessage = CLASSES["realtime.v1.ClientMessage"]
ServerMessage = CLASSES["realtime.v1.ServerMessage"]
