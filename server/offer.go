package server

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"

	"tssh/proxy/wire"
	"tssh/server/detach"
)

// errForced is for a key that may run one command only: a session would be a
// way around it, as sshd does not tell us which command that is.
var errForced = errors.New("this login is bound to one command (command= of its key), so there is no session over UDP for it")

// offer answers a tssh that has logged in: it starts the process that will
// serve it, hands on its greeting, and leaves it alone.
func offer(args []string) int {
	if len(args) == 0 {
		io.WriteString(os.Stderr, usage)
		return exitUsage
	}
	flags := flag.NewFlagSet("tsshd --offer", flag.ContinueOnError)
	detached := flags.Bool("detached", false, "serve (tsshd starts itself so)")
	log := flags.String("log", "", "`file` to write what happens to")
	word := args[0]
	if err := flags.Parse(args[1:]); err != nil {
		return exitUsage
	}
	o, err := wire.ParseOffer(word)
	if err != nil {
		return complain(exitUsage, err)
	}
	if *detached {
		return serveOffer(o, *log)
	}
	login := whoAmI()
	if p, _ := permitted(login); os.Getenv("SSH_ORIGINAL_COMMAND") != "" && p.ForceCommand == "" {
		return complain(exitCannotServe, errForced)
	}
	detach.Inherited()
	args = []string{"--offer", word, "--detached"}
	if *log != "" {
		args = append(args, "--log", *log)
	}
	if endangered, prefix := detach.Scope(); endangered && prefix != nil {
		if status, err := start(prefix, args); err == nil && status == exitOK {
			return exitOK
		} // else the new process will warn that the login's end is its own
	}
	status, err := start(nil, args)
	if err != nil {
		return complain(exitCannotServe, err)
	}
	return status
}

// start starts the server and copies its greeting to stdout. When there is no
// greeting, the status is that of the server, whose last words are on stderr.
func start(prefix, args []string) (status int, err error) {
	cmd, err := detach.Command(args...)
	if err != nil {
		return 0, err
	}
	if prefix != nil {
		cmd.Args = append(append(prefix, cmd.Path), cmd.Args...)
		cmd.Path = prefix[0]
	}
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	greeting, _ := io.ReadAll(out)
	if len(greeting) > 0 {
		_, err := os.Stdout.Write(greeting)
		return exitOK, err // the server goes on without us
	}
	err = cmd.Wait()
	os.Stderr.Write(words.Bytes())
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), exitFailure), nil
	}
	if err == nil {
		err = fmt.Errorf("%s ended without a greeting", cmd.Path)
	}
	return 0, err
}
