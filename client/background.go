package client

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"

	"tssh/client/control"
)

// Going to the background, for -f and ControlPersist. A Go program can't fork,
// so the one that will stay is started first and logs in as our child, asking
// on our terminal; when it is ready it says so on a pipe and leaves the
// terminal, and we end, or join it as any client joins a master.
//
// stageEnv tells the child that it is one, and where the pipe is. It is taken
// out of the environment before anything else runs.
const stageEnv = "TSSH_STAGE"

// stage is what a run of tssh is in the making of a background one.
type stage int

const (
	alone  stage = iota
	behind       // -f: goes to the background when the session is ready
	master       // ControlPersist: serves ControlPath, has no session of its own
)

// ready is how a child tells its parent that it goes to the background.
type ready struct {
	stage stage
	pipe  *os.File
}

// readyFromEnv reads and forgets what the parent said.
func readyFromEnv() ready {
	value, ok := os.LookupEnv(stageEnv)
	if !ok {
		return ready{}
	}
	os.Unsetenv(stageEnv)
	n, err := strconv.Atoi(value)
	if err != nil {
		return ready{}
	}
	return ready{stage: stage(n), pipe: os.NewFile(stageFD, "ready")}
}

// tell lets the parent go on and leaves its terminal. Standard input is gone
// from then on; with quiet the other two are too.
func (r *ready) tell(quiet bool) error {
	if r.pipe == nil {
		return nil
	}
	if err := detach(quiet); err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	_, err := r.pipe.Write([]byte{1})
	r.pipe.Close()
	r.pipe = nil
	return err
}

// background starts the run that stays behind, when the command line asks for
// one and this is not it already. done is false when this run is to go on.
func (v *invocation) background(ctx context.Context) (code int, done bool) {
	switch {
	case v.ready.stage != alone:
		return 0, false
	case v.isMaster() && v.host.ControlPersist && v.cmd.StdioForward == nil:
		if v.masterLives() {
			v.log.Errorf("ControlSocket %s %v", v.controlPath(), control.ErrInUse)
			v.host.ControlMaster, v.host.ControlPersist = "no", false
			return v.background(ctx)
		}
		if code, ok := v.spawn(master); !ok {
			return code, true
		}
		if code, done := v.joinMaster(ctx); done {
			return code, true
		}
		return exitError, true
	case v.host.ForkAfterAuthentication:
		code, _ := v.spawn(behind)
		return code, true
	}
	return 0, false
}

// masterLives tells whether ControlPath has a master already.
func (v *invocation) masterLives() bool {
	c, err := control.Dial(v.controlPath())
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// spawn starts a run like ours and returns when it is ready; otherwise ok is
// false, and code is its exit status.
func (v *invocation) spawn(s stage) (code int, ok bool) {
	exe, err := os.Executable()
	if err != nil {
		v.log.Errorf("go to the background: %v", err)
		return exitError, false
	}
	r, w, err := os.Pipe()
	if err != nil {
		v.log.Errorf("go to the background: %v", err)
		return exitError, false
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
		v.log.Errorf("go to the background: %v", err)
		return exitError, false
	}
	if n, _ := r.Read(make([]byte, 1)); n == 1 {
		return 0, true
	}
	child.Wait()
	if code := child.ProcessState.ExitCode(); code >= 0 {
		return code, false
	}
	return exitError, false
}
