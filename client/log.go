package client

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"tssh/client/voice"
	"tssh/proxy/visible"
)

// sink is where log lines go: standard error or the file of -E.
type sink struct {
	mu    sync.Mutex // guards what follows, and keeps lines whole
	out   io.Writer
	level voice.Level
	held  bool // a file: no carriage return
}

// newSink opens file ("": standard error) for lines up to level.
func newSink(file string, level voice.Level) (*sink, error) {
	s := &sink{out: os.Stderr, level: level}
	if file != "" {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, &logError{file, err}
		}
		s.out, s.held = f, true
	}
	return s, nil
}

// setLevel changes what is shown from now on.
func (s *sink) setLevel(level voice.Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = level
}

// log is a voice.Log. Lines on standard error end with CR LF as ssh's do: the
// terminal may be in raw mode at any time.
func (s *sink) log(level voice.Level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if level > s.level {
		return
	}
	end := "\r\n"
	if s.held {
		end = "\n"
	}
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(level.Prefix() + line + end)
	}
	io.WriteString(s.out, b.String())
}

// logError is a file that the log can't go to, in ssh's words.
type logError struct {
	file  string
	cause error
}

func (e *logError) Error() string {
	why := cause(e.cause).Error()
	return fmt.Sprintf("Couldn't open logfile %s: %s", e.file, strings.ToUpper(why[:1])+why[1:])
}

// cause strips what the os package says about a file that the caller names in
// words of its own.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

// raw writes a line that stands alone whatever the level is. Like a line of the
// log it may have in it what somebody else wrote.
func (s *sink) raw(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, visible.Text(line))
}

// step changes the level by what ~v and ~V ask for, and returns it.
func (s *sink) step(by int) voice.Level {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = min(max(s.level+voice.Level(by), voice.Quiet), voice.Debug3)
	return s.level
}
