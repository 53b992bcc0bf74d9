package voice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"

	"tssh/proxy/cause"
	"tssh/proxy/visible"
)

// Kind is what sort of answer a question wants.
type Kind int

// The kinds of question.
const (
	Secret  Kind = iota // typed without being shown
	Plain               // typed and shown
	Confirm             // yes or no, for a window of SSH_ASKPASS
	Notice              // no answer: a line on the terminal
)

// ErrNobody means that there is no terminal and no program to ask by.
var ErrNobody = errors.New("no terminal and no SSH_ASKPASS to ask by")

// Asker asks the user one question and returns the answer without its line
// end. Tests and graphical fronts bring their own.
type Asker func(question string, kind Kind) (string, error)

// Ask asks on the terminal, never on standard input, which belongs to the
// remote command. SSH_ASKPASS and SSH_ASKPASS_REQUIRE mean what they mean to
// ssh.
//
// A question may hold others' words: names of keys in an agent, a line of
// known_hosts, a server's prompt. They must not control the terminal at which
// the user is about to type a secret.
func Ask(question string, kind Kind) (string, error) {
	question = visible.Text(question)
	allowed := os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
	use := false
	switch strings.ToLower(os.Getenv("SSH_ASKPASS_REQUIRE")) {
	case "force":
		allowed, use = true, true
	case "prefer":
		use = allowed
	case "never":
		allowed = false
	}
	if !use {
		in, out, err := openTerminal()
		if err == nil {
			defer in.Close()
			if out != in {
				defer out.Close()
			}
			return read(in, out, question, kind)
		}
		if !allowed {
			return "", ErrNobody
		}
	}
	if kind == Notice {
		return "", nil // its window would have to be closed by somebody
	}
	return askpass(question, kind)
}

// askpass runs the program of SSH_ASKPASS, whose output is the answer.
func askpass(question string, kind Kind) (string, error) {
	name := os.Getenv("SSH_ASKPASS")
	if name == "" {
		name = "/usr/bin/ssh-askpass"
	}
	cmd := exec.Command(name, question)
	cmd.Stderr = os.Stderr
	// The variable says what kind of window to show; a caller's would mislead.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SSH_ASKPASS_PROMPT=") })
	if kind == Confirm {
		cmd.Env = append(cmd.Env, "SSH_ASKPASS_PROMPT=confirm")
	}
	out, err := cmd.Output()
	if cmd.Process == nil { // as ssh's child says: to callers it is no answer, like others
		fmt.Fprintf(os.Stderr, "ssh_askpass: exec(%s): %s\r\n", visible.Text(name), cause.Of(err))
	}
	if err != nil {
		return "", fmt.Errorf("ask by %s: %w", name, err)
	}
	if i := bytes.IndexAny(out, "\r\n"); i >= 0 {
		out = out[:i]
	}
	return string(out), nil
}

// read asks on an open terminal, as readpassphrase(3) does: what was typed before
// the question is no answer to it, the echo is off before the question is seen,
// and a program that is stopped at it asks again when it goes on. Whatever ends
// or stops the program meanwhile leaves the terminal as it was.
func read(in, out *os.File, question string, kind Kind) (string, error) {
	if kind == Notice {
		_, err := out.WriteString(question + "\n")
		return "", err
	}
	type line struct {
		text string
		err  error
	}
	var typed chan line // what is read; nil: nobody reads yet
	for {
		restore, err := prepare(in, kind == Secret)
		if err != nil {
			return "", fmt.Errorf("ask on the terminal: %w", err)
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, caught()...)
		// At the line's beginning: what was typed too early is overwritten.
		_, err = out.WriteString("\r" + question)
		if err == nil && typed == nil {
			typed = make(chan line, 1)
			go func() {
				text, err := readLine(in)
				typed <- line{text, err}
			}()
		}
		var got line
		var s os.Signal
		if err == nil {
			select {
			case got = <-typed:
			case s = <-signals:
			}
		}
		signal.Stop(signals)
		restore()
		if kind == Secret || s != nil {
			out.WriteString("\n")
		}
		switch {
		case err != nil:
			return "", fmt.Errorf("ask on the terminal: %w", err)
		case s == nil:
			return got.text, got.err
		case !suspend(s):
			die(s)
			return "", fmt.Errorf("ask on the terminal: %v", s)
		}
	}
}

// longest is more than a terminal gives in one line.
const longest = 4096

// readLine reads a byte at a time: what follows the line belongs to somebody
// else.
func readLine(in *os.File) (string, error) {
	var line []byte
	for one := make([]byte, 1); ; {
		n, err := in.Read(one)
		if n == 1 && one[0] == '\n' {
			break
		}
		if err == io.EOF && len(line) > 0 {
			break // ^D twice after it ends an answer as Enter does
		}
		if err != nil {
			return "", err
		}
		if len(line) < longest {
			line = append(line, one[:n]...)
		}
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}
