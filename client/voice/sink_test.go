package voice

import (
	"bytes"
	"errors"
	"testing"
)

func TestLogFileThatCannotBeIsToldAsSSHDoes(t *testing.T) {
	_, err := OpenSink("/nonexistent/log", Info)
	if want := "Couldn't open logfile /nonexistent/log: No such file or directory"; err == nil || err.Error() != want || !errors.As(err, new(*FileError)) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestLogLinesEndAsTheTerminalNeeds(t *testing.T) {
	var out bytes.Buffer
	s := &Sink{out: &out, level: Info}
	s.Log(Error, "one\ntwo\n")
	s.Log(Debug1, "unseen")
	if got := out.String(); got != "one\r\ntwo\r\n" {
		t.Errorf("terminal: %q", got)
	}
	out.Reset()
	s.held = true
	s.Step(+2)
	s.Log(Debug1, "seen")
	if got := out.String(); got != "debug1: seen\n" {
		t.Errorf("file: %q", got)
	}
}
