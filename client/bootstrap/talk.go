package bootstrap

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
)

// What a server's words may cost us at most.
const (
	maxLine   = 128 << 10 // a line of its output; longer ones are noise
	maxBefore = 1 << 20   // bytes before our script's first word: of startup files
	maxSaid   = 8 << 10   // of those that are kept for the user
	maxNoise  = 256 << 10 // bytes of one program that does not greet
	maxAfter  = 4 << 20   // bytes after the first word
	maxWords  = 64        // of our script, each of a line
	maxKept   = 8         // of those, for one error
	maxShown  = 300       // bytes that are kept of such a line
)

// mark begins what boot.sh says to us.
const mark = "{tssh:"

// talk is one run of the command on the server.
type talk struct {
	req     Request
	line    string
	patient bool // stdin stays open until our script speaks: it is known to run there

	complaint string   // about TsshdPath
	tried     []string // what was no tsshd of ours, with the reason
	places    []string // where none can be put, with the reason
	system    string   // the server's, when it has no tsshd
	unsent    error    // why our file for it could not be read
	limit     string   // what keeps it from running one
	again     bool     // to be run once more, without the places or with more patience

	spoke    bool   // our script runs
	cannot   bool   // a tsshd of ours can't serve
	path     string // of the program that was started and has not ended
	named    bool   // it is TsshdPath
	nudged   bool   // the server was told not to wait for it any longer
	why      string // it is none of ours
	noisy    int    // bytes it has said
	programs int    // that were started
	heard    int    // bytes in all
	words    int
	closed   bool // stdin was closed before our script spoke
	sending  bool

	clock *time.Timer // when it rings nothing has moved for too long

	orders   chan func()   // what writes to the server, one after the other
	progress chan struct{} // an upload moves
	stdin    io.WriteCloser
	bar      *bar

	said          []byte
	noise, stderr tail
}

func newTalk(req Request, places []string, patient bool) *talk {
	return &talk{
		req: req, places: places, patient: patient,
		orders: make(chan func(), 4), progress: make(chan struct{}, 1),
	}
}

// part is what the server does: it has started the command, says a line, or
// has ended.
type part struct {
	stdin io.WriteCloser
	line  []byte
	over  bool
	err   error // how it ended
}

// run returns as soon as the greeting is complete or there will be none. What
// reads and what writes are goroutines, as a server can let either wait; their
// channel is closed when run returns, and they end with that or, where the
// server does not answer to it, with the connection.
func (t *talk) run(ctx context.Context, client *ssh.Client, line string) (Started, error) {
	t.line = line
	talking, end := context.WithCancel(ctx)
	defer end()
	parts := make(chan part)
	go t.converse(talking, client, line, parts)
	go func() {
		for {
			select {
			case order := <-t.orders:
				order()
			case <-talking.Done():
				return
			}
		}
	}()
	defer func() { t.bar.end() }()
	started, ended, err := t.listen(talking, parts, func() <-chan struct{} { return silence(talking, client, t.req.Patience) })
	switch {
	case ctx.Err() != nil:
		return Started{}, fmt.Errorf("start tsshd: %w", context.Cause(ctx))
	case errors.Is(err, ErrLost):
		t.again = false
		return Started{}, fmt.Errorf("start tsshd: %w", ErrLost)
	case started.Version != 0:
		started.Said = once(t.said)
		return started, nil
	}
	var exit *ssh.ExitError
	if !errors.As(ended, &exit) && !errors.Is(err, errNonsense) && !alive(ctx, client, t.req.Patience.Greet) {
		t.again = false
		return Started{}, fmt.Errorf("start tsshd: %w", ErrLost)
	}
	if err != nil {
		return Started{}, err
	}
	// A stdin that we closed before the script began was of no use to it.
	t.again = t.again || t.closed && t.spoke && !t.cannot && t.limit == ""
	return Started{}, t.failure(ended)
}

// silence returns a channel that is closed when a server that has answered a question
// answers none any more: people roam while they log in, and would wait for the
// end of our patience with a program. One that never answers is not judged so,
// unless it is OpenSSH's, which answers always.
func silence(ctx context.Context, client *ssh.Client, p Patience) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		for known := isOpenSSH(client); ; known = true {
			if !alive(ctx, client, p.Word) {
				if known && ctx.Err() == nil {
					close(gone)
				}
				return
			}
			select {
			case <-time.After(p.Greet):
			case <-ctx.Done():
				return
			}
		}
	}()
	return gone
}

func isOpenSSH(client *ssh.Client) bool {
	return bytes.HasPrefix(client.ServerVersion(), []byte("SSH-2.0-OpenSSH_"))
}

// alive asks whether the server is there at all.
func alive(ctx context.Context, client *ssh.Client, patience time.Duration) bool {
	answer := make(chan error, 1)
	go func() {
		_, _, err := client.SendRequest("keepalive@openssh.com", true, nil) // any answer is one
		answer <- err
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-answer:
		return err == nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// converse runs the command and gives its parts. The end of ctx closes the channel.
func (t *talk) converse(ctx context.Context, client *ssh.Client, line string, parts chan<- part) {
	give := func(p part) bool {
		select {
		case parts <- p:
			return true
		case <-ctx.Done():
			return false
		}
	}
	session, err := client.NewSession()
	if err != nil {
		var refused *ssh.OpenChannelError
		if errors.As(err, &refused) {
			err = fmt.Errorf("%w: it opens no session (%s)", ErrNotRun, shorten(refused.Message))
		}
		give(part{over: true, err: err})
		return
	}
	stop := context.AfterFunc(ctx, func() { session.Close() })
	defer func() {
		if stop() {
			session.Close()
		}
	}()
	stdin, err := session.StdinPipe()
	if err != nil {
		give(part{over: true, err: err})
		return
	}
	stdout, err := session.StdoutPipe()
	if err != nil {
		give(part{over: true, err: err})
		return
	}
	session.Stderr = &t.stderr
	if t.req.Forced != nil && t.req.Forced(ctx) {
		give(part{over: true, err: ErrForced})
		return
	}
	if err := session.Start(line); err != nil {
		if strings.HasPrefix(err.Error(), "ssh: command ") { // it would quote all of line
			err = fmt.Errorf("%w: it refuses to run any", ErrNotRun)
		}
		give(part{over: true, err: err})
		return
	}
	if !give(part{stdin: stdin}) {
		return
	}
	lines := bufio.NewReaderSize(stdout, maxLine)
	for {
		// A longer line comes in pieces; it is noise.
		line, end := lines.ReadSlice('\n')
		if len(line) > 0 && !give(part{line: bytes.Clone(line)}) {
			return
		}
		if end != nil && end != bufio.ErrBufferFull {
			break
		}
	}
	give(part{over: true, err: session.Wait()}) // all of stderr is there then
}

// errNonsense ends a talk with a server that says too much.
var errNonsense = fmt.Errorf("%w: it answers without end", ErrNotRun)

// listen follows what the server does until a greeting, the end, or the end of
// our patience. ended is how the command ended. Once the command is there, watch
// tells when the server is gone. A question before it would cost two round trips:
// nothing follows a session's opening in its flight then, and the server's answer
// holds up what it says next (Nagle).
func (t *talk) listen(ctx context.Context, parts <-chan part, watch func() <-chan struct{}) (s Started, ended, err error) {
	p := t.req.Patience
	var gone <-chan struct{}
	t.clock = time.NewTimer(p.Word)
	defer t.clock.Stop()
	input, first := time.NewTimer(p.Input), time.NewTimer(2*p.Word)
	defer input.Stop()
	defer first.Stop()
	for {
		select {
		case <-ctx.Done():
			return s, nil, ctx.Err()
		case <-gone:
			if !t.sending { // else the question waits behind what is sent
				return s, nil, ErrLost
			}
			gone = nil
		case <-input.C:
			if t.stdin != nil && !t.spoke && !t.patient {
				// Whatever reads it ends now: a forced command, or a program that a
				// startup file ran. Not a byte was sent there that it could take for its own.
				t.closed = true
				t.order(func() { t.stdin.Close() })
			}
		case <-first.C:
			if !t.spoke {
				return s, nil, t.silent(2 * p.Word)
			}
		case <-t.progress:
			t.clock.Reset(p.Step)
		case <-t.clock.C:
			if t.path == "" || t.nudged {
				return s, nil, t.silent(p.Word)
			}
			t.nudge(fmt.Sprintf("no greeting within %v", p.Greet))
		case got := <-parts:
			switch {
			case got.over:
				if errors.Is(got.err, ErrNotRun) || errors.Is(got.err, ErrForced) {
					return s, new(ssh.ExitError), got.err
				}
				return s, got.err, nil
			case got.stdin != nil:
				t.stdin = got.stdin
				gone = watch()
				input.Reset(p.Input)
				t.clock.Reset(p.Word)
				continue
			}
			if g, ok := t.greeting(got.line); ok {
				return Started{Greeting: g, Path: t.path}, nil, nil
			}
			if err := t.hear(got.line); err != nil || t.again {
				return s, new(ssh.ExitError), err
			}
		}
	}
}

// once leaves out the end of what was said when it has begun so too: the startup
// file of the login shell, which says it for ~/.ssh/rc, for our command, and for
// each that follows.
func once(said []byte) []byte {
	for n := len(said) / 2; n > 0; n-- {
		if bytes.Equal(said[:n], said[len(said)-n:]) {
			return said[:len(said)-n]
		}
	}
	return said
}

// order lets the goroutine that writes do something. A server that takes nothing
// does not stop us here.
func (t *talk) order(f func()) {
	select {
	case t.orders <- f:
	default:
	}
}

// nudge tells the server to end the program that runs and to go on.
func (t *talk) nudge(why string) {
	if t.nudged {
		return
	}
	t.nudged, t.why = true, why
	t.clock.Reset(t.afterNudge())
	next := fmt.Sprintf("next %d\n", t.programs)
	t.order(func() { io.WriteString(t.stdin, next) })
}

// afterNudge is how long the server may take to do so. Where stdin is gone, it
// waits for five seconds by itself.
func (t *talk) afterNudge() time.Duration { return t.req.Patience.Greet + t.req.Patience.Step/2 }

// greeting looks for one in a line of a program that was started.
func (t *talk) greeting(line []byte) (g terms.Greeting, ok bool) {
	if t.path == "" {
		return g, false
	}
	g, found, err := terms.FindGreeting(line)
	if found && err != nil && !errors.Is(err, terms.ErrVersion) { // of another version: it ends by itself
		t.nudge(err.Error())
	}
	return g, found && err == nil
}

// hear takes one line that is not a greeting, and does what it asks for.
func (t *talk) hear(line []byte) error {
	if !t.nudged || t.path == "" { // else the clock bounds what a flood says until the server has ended it
		t.heard += len(line)
	}
	if t.spoke && t.heard > maxAfter || !t.spoke && t.heard > maxBefore {
		return errNonsense
	}
	if !t.spoke && t.path == "" && t.heard < maxSaid {
		t.said = append(t.said, line...) // cut at our script's first word, below
	}
	// The last one: noise before it may hold another.
	start := bytes.LastIndex(line, []byte(mark))
	end := bytes.LastIndexByte(line, '}')
	if start >= 0 && end > start+len(mark) {
		known, err := t.word(string(line[start+len(mark) : end]))
		if err != nil || known {
			return err
		}
	}
	switch {
	case t.path != "": // a program's, which may be keys of its own: kept from everybody
		if t.noisy += len(line); t.noisy > maxNoise {
			t.nudge("it says too much")
		}
	case !t.spoke:
		t.noise.Write(line)
		t.clock.Reset(t.req.Patience.Word)
	}
	return nil
}

// word does what a word of our script asks for; others' words are not known.
func (t *talk) word(said string) (known bool, err error) {
	text := shorten(said)
	word, rest, _ := strings.Cut(text, " ")
	_, raw, _ := strings.Cut(said, " ")
	if !t.spoke && word != "hello" {
		return false, nil // as of a forced command that shows what it was asked for
	}
	step := t.req.Patience.Step
	switch word {
	case "hello":
		if t.spoke {
			return false, nil
		}
		t.spoke = true
		t.said = t.said[:max(bytes.LastIndex(t.said, []byte(mark)), 0)]
	case "run", "named":
		t.begin(raw, word == "named")
		step = t.req.Patience.Greet
	case "start":
		t.begin(raw, false)
	case "cannot":
		t.cannot = true
	case "ended":
		t.nudged = false // by itself, and the server waits to be told
		t.nudge(cmp.Or(t.why, "it is none of this version"))
		step = t.afterNudge()
	case "tried":
		t.end(rest)
	case "system":
		t.system = rest
	case "limit":
		t.limit = rest
	case "place":
		if len(t.places) < maxKept {
			t.places = append(t.places, rest)
		}
	case "again":
		t.again = t.unsent == nil
	case "send":
		return true, t.send(rest)
	case "damaged", "none":
	default:
		return false, nil
	}
	t.req.Logf("bootstrap: %s", text)
	if t.words++; t.words > maxWords {
		return true, errNonsense
	}
	t.clock.Reset(step)
	return true, nil
}

// begin notes that a program runs: to the byte, as it is run again as the relay.
func (t *talk) begin(path string, named bool) {
	t.path, t.named, t.nudged, t.noisy, t.why = path, named, false, 0, ""
	t.programs++
}

// end notes that it was none of ours.
func (t *talk) end(rest string) {
	status, path, _ := strings.Cut(rest, " ")
	why := t.why
	switch {
	case why != "":
	case status == "126":
		why = "it can't be executed here"
	case status == "127":
		why = "not found"
	default:
		why = "exit status " + status
	}
	if t.named {
		t.complaint = fmt.Sprintf("TsshdPath %s: %s", path, why)
	} else if len(t.tried) < maxKept {
		t.tried = append(t.tried, path+": "+why)
	}
	t.path, t.named = "", false
}

// send begins an upload; rest is how and where to.
func (t *talk) send(rest string) error {
	if t.sending {
		return errNonsense
	}
	if t.closed {
		t.again = true
		return nil
	}
	t.sending = true
	how, place, _ := strings.Cut(rest, " ")
	t.req.Logf("bootstrap: send %s", rest)
	t.clock.Reset(t.req.Patience.Step)
	program := t.req.Binary.of(t.system)
	if program == nil {
		t.order(func() { t.stdin.Close() })
		return nil
	}
	data, size, compressed, err := program.open(how == "gzip")
	if err != nil {
		t.unsent = err
		t.order(func() { t.stdin.Close() })
		return nil
	}
	t.bar = newBar(t.req, place, size)
	t.order(func() {
		defer data.Close()
		if err := t.upload(data, how == "gzip" && !compressed); err != nil {
			t.req.Logf("bootstrap: send tsshd to %s: %v", place, err) // the server says why, if it can
		}
	})
	return nil
}
