package bootstrap

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/visible"
)

type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }

// FuzzTalk lets a server say anything. Nothing of it may stop us, be kept
// without bound, or reach a terminal as it came.
func FuzzTalk(f *testing.F) {
	for _, s := range []string{
		"{tssh:run}", "{tssh:hello}\n{tssh:run}\n", "{tssh:hello}\n{tssh:}\n}{tssh:\n", "{tssh:hello}\n{tssh:start /x\x1b[2J}\n{tssh:ended /x}\n{tssh:tried 0 /x}\n",
		"{tssh:hello}\n{tssh:named \xff}\n{tssh:tried}\n{tssh:system \u202e}\n{tssh:place }\n", "{tssh:hello}\n{tssh:send plain /}\n{tssh:send}\n",
		"{tssh:hello}\n{tssh:cannot}\n", "{tssh:hello}\n{tssh:limit \x07}\n{tssh:again}\n", "{tssh:hello}\n{tssh:run /x}\n{tsshd:1:e30:tsshd}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k := newTalk(Request{Patience: Patience{}.orDefault(), Logf: func(format string, args ...any) {
			for _, a := range args {
				if s, ok := a.(string); ok && visible.Line(s) != s {
					t.Errorf("logged: %q", s)
				}
			}
		}}, nil, false)
		k.stdin = nowhere{io.Discard}
		k.clock = time.NewTimer(time.Hour)
		defer k.clock.Stop()
		k.stderr.Write(text)
		for line := range bytes.Lines(text) {
			if _, ok := k.greeting(line); ok {
				return
			}
			if err := k.hear(line); err != nil {
				if !errors.Is(err, errNonsense) {
					t.Fatal(err)
				}
				return
			}
		}
		if len(k.said) > maxBefore {
			t.Errorf("%d bytes are kept", len(k.said))
		}
		words := k.failure(new(ssh.ExitError)).Error() + k.silent(time.Second).Error() + k.complaint
		if len(words) > 16<<10 {
			t.Errorf("an error of %d bytes", len(words))
		}
		if visible.Line(words) != words {
			t.Errorf("shown: %q", words)
		}
	})
}

// TestFloodUntilItIsSlain: what a program says until a slow server has ended it costs the
// login nothing; what a script of ours says does.
func TestFloodUntilItIsSlain(t *testing.T) {
	k := newTalk(Request{Patience: Patience{}.orDefault(), Logf: t.Logf}, nil, false)
	k.stdin = nowhere{io.Discard}
	k.clock = time.NewTimer(time.Hour)
	defer k.clock.Stop()
	hear := func(line string, times int) (err error) {
		for range times {
			err = errors.Join(err, k.hear([]byte(line)))
		}
		return err
	}
	noise := strings.Repeat("s", maxLine)
	err := errors.Join(hear("{tssh:hello}\n", 1), hear("{tssh:named /bin/flood}\n", 1), hear(noise, 100), hear("{tssh:tried 137 /bin/flood}\n", 1))
	if err != nil || k.complaint != "TsshdPath /bin/flood: it says too much" {
		t.Errorf("%v, %q", err, k.complaint)
	}
	if err := hear(noise, 100); !errors.Is(err, errNonsense) {
		t.Errorf("a script without end: %v", err)
	}
}
