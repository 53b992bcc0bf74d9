package bootstrap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/visible"
)

// silent is the error about a server that does not go on.
func (t *talk) silent(after time.Duration) error {
	if !t.spoke {
		return fmt.Errorf("%w (no answer within %v; a forced command, or a startup file that waits?)", ErrNotRun, after)
	}
	return fmt.Errorf("start tsshd: the server does not go on%s", t.remarks())
}

// failure puts into words why no greeting came. ended is how the command ended.
func (t *talk) failure(ended error) error {
	status := "it ended"
	var exit *ssh.ExitError
	switch {
	case errors.As(ended, &exit) && exit.Signal() != "":
		status = "killed by signal " + shorten(exit.Signal())
	case errors.As(ended, &exit):
		status = fmt.Sprintf("exit status %d", exit.ExitStatus())
	}
	const hint = "; install tsshd there, or name one by TsshdPath"
	switch {
	case !t.spoke:
		return fmt.Errorf("%w (%s; a restricted shell or a forced command?)%s", ErrNotRun, status, t.complained())
	case t.limit != "":
		return fmt.Errorf("the server limits %s", t.limit)
	case t.cannot:
		if words := t.complaints(); words != cannotServe {
			return errors.New("tsshd" + words) // it is ours, wherever it lies
		}
		return fmt.Errorf("tsshd at %s%s", shorten(t.path), cannotServe)
	case t.path != "":
		return fmt.Errorf("tsshd at %s ended without a greeting%s", shorten(t.path), t.remarks())
	case t.unsent != nil:
		return fmt.Errorf("no tsshd on the server, a %s, and none can be sent: %w%s", shorten(t.system), t.unsent, hint)
	case t.system != "" && t.req.Binary.of(t.system) == nil:
		return fmt.Errorf("no tsshd on the server, a %s%s%s%s", shorten(t.system), t.req.Binary.none(t.system), t.remarks(), hint)
	case t.places != nil:
		return noPlace(t.places)
	}
	return fmt.Errorf("start tsshd: %s%s", status, t.remarks())
}

// remarks are what was tried, for the end of an error.
func (t *talk) remarks() string {
	var b strings.Builder
	for _, s := range t.tried {
		b.WriteString("; tried " + s)
	}
	return b.String()
}

const cannotServe = " cannot serve"

// complaints are what tsshd itself said. Other words may be anybody's.
func (t *talk) complaints() string {
	var own []string
	for _, line := range t.stderr.lines() {
		if words, ok := strings.CutPrefix(line, "tsshd: "); ok {
			own = append(own, words)
		}
	}
	if own == nil {
		return cannotServe
	}
	return ": " + strings.Join(own, " | ")
}

// complained is what the server said in our script's place, for the end of an
// error, without lines that hold ours.
func (t *talk) complained() string {
	for _, s := range []*tail{&t.noise, &t.stderr} {
		lines := slices.DeleteFunc(s.lines(), func(l string) bool {
			at := max(len(l)/2-15, 0)
			return len(l) > 100 && strings.Contains(t.line, l[at:at+30])
		})
		if len(lines) > 0 {
			return ": " + shorten(strings.Join(lines, " | "))
		}
	}
	return ""
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
	t.text = append(t.text, p[max(0, len(p)-maxTail):]...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// lines are those of the kept text, without what a terminal would obey.
func (t *tail) lines() (all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(string(t.text)) {
		if line = visible.Line(strings.TrimSpace(line)); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// shorten makes a line that can be shown of a server's words.
func shorten(s string) string {
	s = visible.Line(s[:min(len(s), 4*maxShown)])
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
