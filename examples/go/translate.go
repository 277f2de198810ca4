// Translates a WAV file (16 bits, mono) as if it were spoken now: captions on the terminal, speech into LANG.wav.
//
//	translate -from en -to es,pt -server localhost:7700 talk.wav
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"babelmesh-example/realtime"
	"google.golang.org/grpc"
)

const chunkMs = 100

var (
	source = flag.String("from", "en", "language spoken")
	langs  = flag.String("to", "es", "languages to translate into")
	server = flag.String("server", "localhost:7700", "address of a gateway")
	out    = flag.String("out", ".", "folder for speech")
	speed  = flag.Float64("speed", 1, "times real time; 0 for as fast as the server takes it")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if err := translate(flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

func translate(file string) error {
	pcm, rate, err := readWave(file)
	if err != nil {
		return err
	}
	connection, err := grpc.Dial(*server, grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer connection.Close()
	call, err := realtime.NewRealtimeTranslateClient(connection).Stream(context.Background())
	if err != nil {
		return err
	}
	if err := call.Send(hello(rate)); err != nil {
		_, err = call.Recv() // what it ended with; Send tells only that it has
		return err
	}
	opened := make(chan struct{})
	go func() {
		// Waits for `ready`: a refusal then reaches us before any audio is sent. An error of Send is told by Recv as well.
		<-opened
		say(call, pcm, rate)
		call.CloseSend()
	}()
	return listen(call, opened)
}

func hello(rate uint32) *realtime.ClientMessage {
	config := &realtime.SessionConfig{
		SourceLang: *source,
		Input:      &realtime.AudioFormat{Format: "pcm16le", SampleRate: rate},
	}
	for _, lang := range strings.Split(*langs, ",") {
		config.Targets = append(config.Targets, &realtime.Target{Lang: lang})
	}
	return &realtime.ClientMessage{Payload: &realtime.ClientMessage_Hello{Hello: config}}
}

// Sends the audio at its own pace. Send waits while the server takes no more, so nothing piles up here.
func say(call realtime.RealtimeTranslate_StreamClient, pcm []byte, rate uint32) {
	size := int(2 * rate * chunkMs / 1000)
	began := time.Now()
	for at := 0; at < len(pcm); at += size {
		if *speed > 0 {
			due := time.Duration(float64(at/2) / float64(rate) / *speed * float64(time.Second))
			time.Sleep(time.Until(began.Add(due)))
		}
		end := at + size
		if end > len(pcm) {
			end = len(pcm)
		}
		chunk := &realtime.AudioChunk{Data: pcm[at:end]}
		if call.Send(&realtime.ClientMessage{Payload: &realtime.ClientMessage_Audio{Audio: chunk}}) != nil {
			return
		}
	}
}

// Prints final translations and keeps speech until the server has sent the last; returns what the call ended with.
func listen(call realtime.RealtimeTranslate_StreamClient, opened chan<- struct{}) error {
	speech := map[string]*bytes.Buffer{}
	rate := uint32(24000)
	for {
		message, err := call.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch payload := message.Payload.(type) {
		case *realtime.ServerMessage_Ready:
			close(opened)
		case *realtime.ServerMessage_Translation:
			if payload.Translation.Final {
				fmt.Printf("%s\t%s\n", payload.Translation.TargetLang, payload.Translation.Text)
			}
		case *realtime.ServerMessage_Tts:
			lang := payload.Tts.TargetLang
			if speech[lang] == nil {
				speech[lang] = &bytes.Buffer{}
			}
			speech[lang].Write(payload.Tts.Data)
			rate = payload.Tts.SampleRate
		case *realtime.ServerMessage_Error:
			log.Printf("%s: %s", payload.Error.Code, payload.Error.Message)
		}
	}
	for lang, pcm := range speech {
		if err := writeWave(filepath.Join(*out, lang+".wav"), rate, pcm.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// The samples of a RIFF/WAVE file and their rate. Chunks other than "fmt " and "data" are passed over.
func readWave(file string) ([]byte, uint32, error) {
	all, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	var rate uint32
	for at := 12; at+8 <= len(all); {
		name, size := string(all[at:at+4]), int(binary.LittleEndian.Uint32(all[at+4:]))
		body := all[at+8:]
		if size > len(body) {
			size = len(body)
		}
		switch name {
		case "fmt ":
			format, channels, bits := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:]), binary.LittleEndian.Uint16(body[14:])
			if format != 1 || channels != 1 || bits != 16 {
				return nil, 0, fmt.Errorf("%s is not PCM of 16 bits, mono", file)
			}
			rate = binary.LittleEndian.Uint32(body[4:])
		case "data":
			return body[:size], rate, nil
		}
		at += 8 + size + size%2
	}
	return nil, 0, fmt.Errorf("%s is no WAV file", file)
}

func writeWave(file string, rate uint32, pcm []byte) error {
	var all bytes.Buffer
	all.WriteString("RIFF")
	binary.Write(&all, binary.LittleEndian, uint32(36+len(pcm)))
	all.WriteString("WAVEfmt ")
	binary.Write(&all, binary.LittleEndian, uint32(16))               // bytes up to "data"
	binary.Write(&all, binary.LittleEndian, []uint16{1, 1})           // PCM, one channel
	binary.Write(&all, binary.LittleEndian, []uint32{rate, 2 * rate}) // samples and bytes a second
	binary.Write(&all, binary.LittleEndian, []uint16{2, 16})          // bytes and bits a sample
	all.WriteString("data")
	binary.Write(&all, binary.LittleEndian, uint32(len(pcm)))
	all.Write(pcm)
	return os.WriteFile(file, all.Bytes(), 0o644)
}
