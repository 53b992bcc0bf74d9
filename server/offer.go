package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tssh/proxy/terms"
	"tssh/server/detach"
)

// errForced is for a key that may run one command only, which let us run: a
// session would be a way around it when we can't find out which command that is.
var errForced = errors.New("this login is bound to one command (command= of its key), so there is no session over UDP for it")

// offering is the command line of a tsshd that serves a session.
type offering struct {
	Word string `arg:""`
	Log  string `placeholder:"file" help:"write there what happens"`
}

// detached stands behind the word where tsshd has started itself to serve. A log and
// a warning to the client follow, which may be empty.
const detached = "--detached"

// serves tells whether args are those of a tsshd that tsshd has started. It is to run
// for days, and is spared the reading of a command line: 0.6 MB.
func serves(args []string) bool {
	return len(args) == 5 && args[0] == terms.CommandOffer && args[2] == detached
}

// offer answers a tssh that has logged in: it starts the process that will
// serve it, hands on its greeting, and leaves it alone.
func offer(want offering) int {
	o, err := terms.ParseOffer(want.Word)
	if err != nil {
		return complain(terms.ExitUsage, err)
	}
	if env := detach.LoginEnviron(); env != nil {
		env = append(env, terms.HelloVariable+"="+os.Getenv(terms.HelloVariable))
		os.Clearenv()
		for _, v := range env {
			name, value, _ := strings.Cut(v, "=")
			os.Setenv(name, value)
		}
	}
	login := whoAmI()
	p, _ := permitted(login, o.Keys)
	if os.Getenv("SSH_ORIGINAL_COMMAND") != "" && p.Forced() == "" {
		return complain(terms.ExitCannotServe, errForced)
	}
	warning := ""
	if o.Ask != terms.Begin {
		answered, status, why := ask(o, login, p)
		if answered {
			return status
		}
		if why != nil {
			warning = "this is a new session: " + why.Error()
		}
	}
	detach.Inherited()
	args := []string{terms.CommandOffer, want.Word, detached, want.Log, warning}
	if prefix := detach.Scope(); prefix != nil && detach.Endangered() {
		if status, _, err := start(prefix, args); err == nil && status == terms.ExitOK {
			return terms.ExitOK
		} // else it starts where it is, and warns
	}
	status, words, err := start(nil, args)
	os.Stderr.Write(words)
	if err != nil {
		return complain(terms.ExitCannotServe, err)
	}
	return status
}

// named is how our program, which is at path and was called name, is called by
// one that gives it its path for a name, so that it is still tsshd: of a link
// to tssh the link, of any other file with the word that says so.
func named(name, path string) []string {
	called, err := exec.LookPath(name)
	if err == nil && strings.TrimSuffix(strings.ToLower(filepath.Base(called)), ".exe") == "tsshd" {
		if abs, err := filepath.Abs(called); err == nil {
			return []string{abs}
		}
	}
	return []string{path, "tsshd"}
}

// start starts the server and copies its greeting to stdout. When there is no
// greeting, the status is that of the server, and words are its last.
func start(prefix, args []string) (status int, words []byte, err error) {
	cmd, err := detach.Command(args...)
	if err != nil {
		return 0, nil, err
	}
	if prefix != nil {
		cmd.Args = append(append(prefix, named(os.Args[0], cmd.Path)...), args...)
		cmd.Path = prefix[0]
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	greeting, _ := io.ReadAll(out)
	if len(greeting) > 0 {
		_, err := os.Stdout.Write(greeting)
		return terms.ExitOK, nil, err // the server goes on without us
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), terms.ExitFailure), stderr.Bytes(), nil
	}
	if err == nil {
		err = fmt.Errorf("%s ended without a greeting", cmd.Path)
	}
	return 0, stderr.Bytes(), err
}
