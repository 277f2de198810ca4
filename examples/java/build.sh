#!/usr/bin/env bash
# Makes the stubs, and classes that build/translate runs, from Debian's packages, which it needs:
#     default-jdk-headless libgeronimo-annotation-1.3-spec-java libgrpc-java libguava-java libnetty-java libperfmark-java
#     libprotobuf-java protobuf-compiler protobuf-compiler-grpc-java-plugin
# Nothing is downloaded.
set -euo pipefail
cd "$(dirname "$0")"

root=$(cd ../.. && pwd)
buf=$root/.venv/bin/buf
[[ -x $buf ]] || buf=buf

rm -rf build
(cd "$root" && "$buf" generate --template examples/java/buf.gen.yaml)
libraries=$(printf '%s:' /usr/share/java/{grpc,netty}-*.jar \
    /usr/share/java/{geronimo-annotation-1.3-spec,guava,perfmark-api,protobuf}.jar)
mkdir build/classes
find build/src -name '*.java' >build/sources
javac -nowarn -d build/classes -cp "$libraries" @build/sources Translate.java
cat >build/translate <<END
#!/bin/sh
exec java -cp "$PWD/build/classes:$libraries" Translate "\$@"
END
chmod +x build/translate
