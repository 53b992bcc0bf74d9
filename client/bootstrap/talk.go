package bootstrap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/visible"
	"tssh/proxy/wire"
)

// greetStranger comes first on stdin. A forced command that waits for requests,
// as sftp-server does, would wait for ever: to all that speak something this is an
// error at once, for sftp a message of two gigabytes. boot.sh drops it.
const greetStranger = "tssh\n"

// maxLine bounds a line of the server's output; longer ones are noise.
const maxLine = 128 << 10

// mark begins what boot.sh says to us.
const mark = "{tssh:"

// exitCannotServe is the status of a tsshd that speaks our version and cannot
// serve all the same, so that another copy of it could not either.
const exitCannotServe = 93

// talk is one run of the command on the server.
type talk struct {
	req Request

	path   string   // of the tsshd that runs now
	tried  []string // what was no tsshd of ours, with the reason
	places []string // where none can be put, with the reason
	system string   // the server's, when it has no tsshd
	again  bool     // the last place failed under an upload; run again without it

	silence *time.Timer

	noise, stderr tail
}

// run returns as soon as the greeting is complete or there will be none. It
// has no goroutine: whatever ends ctx closes the connection, and with it every
// read and write here.
func (t *talk) run(ctx context.Context, client *ssh.Client, line string) (Started, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { client.Close() })
	defer stop() // before cancel: the connection outlives this
	t.silence = time.AfterFunc(t.req.Quiet, func() { cancel(errSilent) })
	defer t.silence.Stop()

	session, err := client.NewSession()
	if err != nil {
		return Started{}, t.broken(ctx, err)
	}
	defer session.Close()
	stdin, err := session.StdinPipe()
	if err != nil {
		return Started{}, t.broken(ctx, err)
	}
	stdout, err := session.StdoutPipe()
	if err != nil {
		return Started{}, t.broken(ctx, err)
	}
	session.Stderr = &t.stderr
	if err := session.Start(line); err != nil {
		if strings.HasPrefix(err.Error(), "ssh: command ") { // it would quote all of line
			err = errors.New("the server refuses to run a command")
		}
		return Started{}, t.broken(ctx, err)
	}
	io.WriteString(stdin, greetStranger) // an error shows in what we read
	if started, err := t.listen(stdin, stdout); started.Version != 0 || err != nil {
		return started, err
	}
	if ctx.Err() != nil {
		return Started{}, t.broken(ctx, ctx.Err())
	}
	return Started{}, t.failure(session.Wait()) // all of stderr is there then
}

// listen reads the server's lines until a greeting or the end.
func (t *talk) listen(stdin io.WriteCloser, stdout io.Reader) (Started, error) {
	lines := bufio.NewReaderSize(stdout, maxLine)
	for {
		// A longer line comes in pieces; it is noise.
		line, end := lines.ReadSlice('\n')
		t.silence.Reset(t.req.Quiet)
		g, found, err := wire.FindGreeting(line)
		switch {
		case found && err == nil:
			return Started{g, t.path}, nil
		case found && !errors.Is(err, wire.ErrVersion):
			return Started{}, fmt.Errorf("tsshd at %s: %w", t.path, err)
		case !found: // of another version: its exit status says that it is none for us
			t.hear(line, stdin)
		}
		if end != nil && end != bufio.ErrBufferFull {
			return Started{}, nil
		}
	}
}

var errSilent = errors.New("the server is silent")

// broken tells whether ctx, and not the connection, was the cause of err.
func (t *talk) broken(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return fmt.Errorf("start tsshd: %w%s", err, t.remarks())
	case errors.Is(context.Cause(ctx), errSilent):
		return fmt.Errorf("start tsshd: no answer within %s%s", t.req.Quiet, t.remarks())
	}
	return fmt.Errorf("start tsshd: %w", context.Cause(ctx))
}

// hear takes one line that is not a greeting, and does what it asks for.
func (t *talk) hear(line []byte, stdin io.WriteCloser) {
	// The last one: noise before it may hold another.
	start := bytes.LastIndex(line, []byte(mark))
	end := bytes.LastIndexByte(line, '}')
	if start < 0 || end < start {
		t.noise.Write(line)
		return
	}
	said := string(line[start+len(mark) : end])
	text := visible.Line(said)
	t.req.Logf("bootstrap: %s", text)
	switch word, rest, _ := strings.Cut(text, " "); word {
	case "run":
		t.path = said[len("run "):] // to the byte: it is run again as the relay
	case "tried":
		t.path = ""
		t.tried = append(t.tried, rest)
	case "system":
		t.system = rest
	case "place":
		t.places = append(t.places, rest)
	case "again":
		t.again = true
	case "send":
		how, place, _ := strings.Cut(rest, " ")
		if err := t.upload(stdin, place, how); err != nil {
			t.req.Logf("bootstrap: %v", err) // the server says why, if it can
		}
	}
}

// failure puts into words why no greeting came. wait is how the command ended.
func (t *talk) failure(wait error) error {
	status := "it ended"
	var exit *ssh.ExitError
	switch {
	case errors.As(wait, &exit) && exit.Signal() != "":
		status = "killed by signal " + exit.Signal()
	case errors.As(wait, &exit):
		status = fmt.Sprintf("exit status %d", exit.ExitStatus())
	case wait != nil:
		return fmt.Errorf("start tsshd: %w%s", wait, t.remarks())
	}
	const hint = "; install tsshd there, or set TsshdPath"
	switch {
	case exit != nil && exit.ExitStatus() == exitCannotServe && t.path != "":
		return fmt.Errorf("tsshd at %s%s", t.path, t.remarks())
	case t.path != "":
		return fmt.Errorf("tsshd at %s: %s without a greeting%s", t.path, status, t.remarks())
	case t.system == "" && t.tried == nil:
		return fmt.Errorf("%w (%s; a restricted shell or a forced command?)%s", ErrNotRun, status, t.remarks())
	case t.system != "" && t.req.Binary == nil:
		return fmt.Errorf("no tsshd on the server, a %s%s%s", t.system, t.remarks(), hint)
	case t.system != "" && !slices.Contains(t.req.Binary.systems(), t.system):
		return fmt.Errorf("no tsshd on the server, a %s, and this tssh has one for %s only%s%s",
			t.system, strings.Join(t.req.Binary.systems(), ", "), t.remarks(), hint)
	case t.places != nil && t.tried == nil:
		return noPlace(t.places)
	}
	return fmt.Errorf("start tsshd: %s%s", status, t.remarks())
}

// remarks are what was tried and what the server said besides, for the end of
// an error.
func (t *talk) remarks() string {
	said := t.stderr.String()
	if said == "" {
		said = t.noise.String()
	}
	var b strings.Builder
	for _, s := range t.tried {
		b.WriteString("; tried " + s)
	}
	if said != "" {
		b.WriteString(": " + said)
	}
	return b.String()
}

// tail keeps the end of what is written to it, for an error message.
type tail struct {
	mu   sync.Mutex // guards text: ssh writes from a goroutine of its own
	text []byte
}

const maxTail = 2 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String is the kept text in one line, without what a terminal would obey.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(t.text)) {
		if line = visible.Line(strings.TrimSpace(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " | ")
}
