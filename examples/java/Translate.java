import babelmesh.realtime.v1.AudioChunk;
import babelmesh.realtime.v1.AudioFormat;
import babelmesh.realtime.v1.ClientMessage;
import babelmesh.realtime.v1.RealtimeTranslateGrpc;
import babelmesh.realtime.v1.ServerMessage;
import babelmesh.realtime.v1.SessionConfig;
import babelmesh.realtime.v1.Target;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import javax.sound.sampled.AudioFileFormat;
import javax.sound.sampled.AudioInputStream;
import javax.sound.sampled.AudioSystem;

/**
 * Translates a WAV file (16 bits, mono) as if it were spoken now: captions on the terminal, speech into LANG.wav.
 *
 * <pre>translate --from en --to es,pt --server localhost:7700 talk.wav</pre>
 */
public final class Translate implements ClientResponseObserver<ClientMessage, ServerMessage> {
    private static final int CHUNK_MS = 100;

    private final CountDownLatch opened = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Map<String, ByteArrayOutputStream> speech = new TreeMap<>();
    private ClientCallStreamObserver<ClientMessage> call;
    private int speechRate = 24_000;
    private Status status = Status.OK;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>(Map.of(
                "--from", "en", "--to", "es", "--server", "localhost:7700", "--out", ".", "--speed", "1"));
        for (int at = 0; at + 1 < arguments.length; at += 2) {
            if (options.replace(arguments[at], arguments[at + 1]) == null) {
                throw new IllegalArgumentException(arguments[at] + " is none of " + options.keySet());
            }
        }
        ManagedChannel channel = ManagedChannelBuilder.forTarget(options.get("--server")).usePlaintext().build();
        Translate translate = new Translate();
        try (AudioInputStream audio = AudioSystem.getAudioInputStream(new File(arguments[arguments.length - 1]))) {
            RealtimeTranslateGrpc.newStub(channel).stream(translate);
            translate.say(audio, options);
            translate.ended.await();
        } finally {
            channel.shutdownNow();
        }
        translate.writeSpeech(options.get("--out"));
        if (!translate.status.isOk()) {
            System.err.println(translate.status.getCode() + ": " + translate.status.getDescription());
            System.exit(1);
        }
    }

    /** Opens the session and sends the audio at so many times real time; waits while the server takes no more. */
    private void say(AudioInputStream audio, Map<String, String> options) throws IOException, InterruptedException {
        javax.sound.sampled.AudioFormat format = audio.getFormat();
        if (format.getSampleSizeInBits() != 16 || format.getChannels() != 1 || format.isBigEndian()) {
            throw new IOException("The file is not PCM of 16 bits, mono.");
        }
        int rate = (int) format.getSampleRate();
        SessionConfig.Builder hello = SessionConfig.newBuilder()
                .setSourceLang(options.get("--from"))
                .setInput(AudioFormat.newBuilder().setFormat("pcm16le").setSampleRate(rate));
        for (String lang : options.get("--to").split(",")) {
            hello.addTargets(Target.newBuilder().setLang(lang));
        }
        call.onNext(ClientMessage.newBuilder().setHello(hello).build());
        opened.await(); // a refusal comes before any audio is sent

        double speed = Double.parseDouble(options.get("--speed"));
        long began = System.nanoTime();
        long sent = 0;
        byte[] chunk;
        while (ended.getCount() > 0 && (chunk = audio.readNBytes(2 * rate * CHUNK_MS / 1000)).length > 0) {
            if (speed > 0) {
                long due = began + (long) (sent / 2 / (double) rate / speed * 1e9);
                Thread.sleep(Math.max(0, (due - System.nanoTime()) / 1_000_000));
            }
            awaitReady();
            AudioChunk.Builder audioChunk = AudioChunk.newBuilder().setData(ByteString.copyFrom(chunk));
            call.onNext(ClientMessage.newBuilder().setAudio(audioChunk).build());
            sent += chunk.length;
        }
        call.onCompleted();
    }

    /** gRPC keeps whatever it is given: only this wait lets the server's backpressure reach the file. */
    private synchronized void awaitReady() throws InterruptedException {
        while (!call.isReady() && ended.getCount() > 0) {
            wait();
        }
    }

    private synchronized void wake() {
        notifyAll();
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ClientMessage> requests) {
        call = requests;
        call.setOnReadyHandler(this::wake);
    }

    @Override
    public void onNext(ServerMessage message) {
        switch (message.getPayloadCase()) {
            case READY:
                opened.countDown();
                break;
            case TRANSLATION:
                if (message.getTranslation().getFinal()) {
                    System.out.println(message.getTranslation().getTargetLang() + "\t" + message.getTranslation().getText());
                }
                break;
            case TTS:
                speechRate = message.getTts().getSampleRate();
                speech.computeIfAbsent(message.getTts().getTargetLang(), lang -> new ByteArrayOutputStream())
                        .writeBytes(message.getTts().getData().toByteArray());
                break;
            case ERROR:
                System.err.println(message.getError().getCode() + ": " + message.getError().getMessage());
                break;
            default:
                break; // there are more messages than this client needs
        }
    }

    @Override
    public void onError(Throwable error) {
        status = Status.fromThrowable(error);
        onCompleted();
    }

    @Override
    public void onCompleted() {
        ended.countDown();
        opened.countDown();
        wake();
    }

    private void writeSpeech(String folder) throws IOException {
        javax.sound.sampled.AudioFormat format = new javax.sound.sampled.AudioFormat(speechRate, 16, 1, true, false);
        for (Map.Entry<String, ByteArrayOutputStream> each : speech.entrySet()) {
            byte[] pcm = each.getValue().toByteArray();
            AudioInputStream stream = new AudioInputStream(new ByteArrayInputStream(pcm), format, pcm.length / 2);
            AudioSystem.write(stream, AudioFileFormat.Type.WAVE, new File(folder, each.getKey() + ".wav"));
        }
    }
}
