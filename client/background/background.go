// Package background lets a run of tssh go to the background, for -f and
// ControlPersist. A Go program can't fork, so the one that will stay is started
// first and logs in as our child, asking on our terminal; when it is ready it says
// so on a pipe and leaves the terminal, and we end, or join it as any client joins
// a master.
package background

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
)

// stageEnv tells the child that it is one, and what for. It is taken out of the
// environment before anything else runs.
const stageEnv = "TSSH_STAGE"

// Stage is what a run of tssh is in the making of a background one.
type Stage int

// The stages.
const (
	Alone  Stage = iota
	Behind       // -f: goes to the background when the session is ready
	Master       // ControlPersist: serves ControlPath, has no session of its own
)

// Child is a run of tssh as its parent sees it. The zero value has none.
type Child struct {
	Stage Stage
	pipe  *os.File // to the parent
}

// FromEnv reads and forgets what the parent said.
func FromEnv() Child {
	value, ok := os.LookupEnv(stageEnv)
	if !ok {
		return Child{}
	}
	os.Unsetenv(stageEnv)
	n, err := strconv.Atoi(value)
	if err != nil {
		return Child{}
	}
	return Child{Stage: Stage(n), pipe: os.NewFile(stageFD, "ready")}
}

// Ready lets the parent go on and leaves its terminal. Standard input is gone
// from then on; with quiet the other two are too.
func (c *Child) Ready(quiet bool) error {
	if c.pipe == nil {
		return nil
	}
	if err := detach(quiet); err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	_, err := c.pipe.Write([]byte{1})
	c.pipe.Close()
	c.pipe = nil
	return err
}

// Ended is the end of a child before it was ready. It has told why itself.
type Ended struct{ Code int }

// Error gives its exit status.
func (e *Ended) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// Start starts a run like ours and returns when it is ready, or an *Ended.
func Start(s Stage) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	defer r.Close()
	child := &exec.Cmd{
		Path: exe, Args: os.Args,
		Env:   append(os.Environ(), fmt.Sprintf("%s=%d", stageEnv, s)),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	passPipe(child, w)
	// The keyboard's signals go to both; the child decides. It must not begin
	// with them ignored, unless we did: what is ignored stays so.
	if !signal.Ignored(os.Interrupt) {
		heard := make(chan os.Signal, 1)
		signal.Notify(heard, os.Interrupt)
		defer signal.Stop(heard)
	}
	err = child.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	if n, _ := r.Read(make([]byte, 1)); n == 1 {
		return nil
	}
	child.Wait()
	if code := child.ProcessState.ExitCode(); code >= 0 {
		return &Ended{code}
	}
	return &Ended{exitKilled}
}

// exitKilled stands for a child that a signal ended: ssh's status for what it did
// not do.
const exitKilled = 255
