package voice

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"tssh/proxy/cause"
	"tssh/proxy/visible"
)

// Sink is where log lines go: standard error or the file of -E.
type Sink struct {
	mu    sync.Mutex // guards what follows, and keeps lines whole
	out   io.Writer
	level Level
	held  bool // a file: no carriage return
}

// OpenSink opens file ("": standard error) for lines up to level.
func OpenSink(file string, level Level) (*Sink, error) {
	s := &Sink{out: os.Stderr, level: level}
	if file != "" {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, &FileError{file, err}
		}
		s.out, s.held = f, true
	}
	return s, nil
}

// SetLevel changes what is shown from now on.
func (s *Sink) SetLevel(level Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = level
}

// Syslog sends what follows to the system's log.
func (s *Sink) Syslog(facility string) error {
	out, err := openSyslog(facility)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out, s.held = out, true
	return nil
}

// Log is a Log. Lines on standard error end with CR LF as ssh's do: the
// terminal may be in raw mode at any time.
func (s *Sink) Log(level Level, text string) {
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

// FileError is a file that the log can't go to, in ssh's words.
type FileError struct {
	file  string
	cause error
}

// Error says so.
func (e *FileError) Error() string {
	return fmt.Sprintf("Couldn't open logfile %s: %s", e.file, cause.Of(e.cause))
}

// Raw writes a line that stands alone whatever the level is. Like a line of the
// log it may have in it what somebody else wrote.
func (s *Sink) Raw(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, visible.Text(line))
}

// Step changes the level by what ~v and ~V ask for, and returns it.
func (s *Sink) Step(by int) Level {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = min(max(s.level+Level(by), Quiet), Debug3)
	return s.level
}
