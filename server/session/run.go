package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
	"tssh/server/flow"
	"tssh/server/keep"
	"tssh/server/policy"
	"tssh/server/pty"
)

// prepare notes what is to run, and makes what connects it to the channel.
func (s *session) prepare(kind string, payload []byte) bool {
	var msg struct{ Text string }
	if kind != "shell" && ssh.Unmarshal(payload, &msg) != nil || strings.ContainsRune(msg.Text, 0) {
		return false
	}
	command := msg.Text
	if kind == "subsystem" {
		var ok bool
		if command, ok = s.cfg.Policy.Subsystem(msg.Text); !ok {
			return false
		}
	}
	if s.pty == nil {
		p, err := newPipes()
		if err != nil {
			s.cfg.Logf("session: %v", err)
			return false
		}
		s.pipes = p
	}
	if force := s.cfg.Policy.Forced(); force != "" {
		s.forced, s.original, command = true, command, force
	}
	s.kind, s.command = kind, command
	s.program = s.newProgram(kind, command)
	if s.cfg.Begins != nil {
		s.cfg.Begins(channelKind(kind, msg.Text))
	}
	return true
}

// channelKind is how ChannelTimeout calls a session, by what the client asked for.
func channelKind(kind, text string) string {
	switch kind {
	case "exec":
		return "session:command"
	case "subsystem":
		return "session:subsystem:" + text
	}
	return "session:" + kind
}

// attach finds the program whose terminal the channel is to have. Who may run one
// command only, or have no terminal, would get around that by another's shell.
func (s *session) attach(payload []byte) bool {
	var id uint32
	if len(payload) == 4 {
		id = binary.BigEndian.Uint32(payload)
	}
	p := s.cfg.Programs.find(id)
	if p == nil || s.pty == nil || s.cfg.Policy.Forced() != "" {
		return false
	}
	s.pty.Close() // only its size was wanted
	s.kind, s.program, s.pty = terms.AttachRequest, p, p.pty
	if s.display != nil && p.display != nil {
		// The program goes on with the display that it has; what its programs show
		// there from now on is to prove that this client let them, also what its user
		// starts first of all.
		if xauth := s.xauth(p.display.Auth); xauth != nil {
			proved := make(chan struct{})
			s.running.Go(func() {
				defer close(proved)
				xauth.Env, xauth.Dir = s.environ(), s.cfg.Login.Home
				if err := xauth.Run(); err != nil {
					s.cfg.Logf("session: run %s: %v", xauth.Path, err)
				}
			})
			await(proved, proving)
		}
	}
	if s.cfg.Begins != nil {
		s.cfg.Begins(channelKind(p.kind, p.command))
	}
	return true
}

// start begins what was prepared.
func (s *session) start() {
	if s.pty == nil {
		s.running.Go(s.run)
		return
	}
	s.joint = s.program.join(s)
	s.running.Go(s.show)
}

// run runs a program without a terminal and tells the client how it ended.
func (s *session) run() {
	var outputs sync.WaitGroup
	outputs.Go(func() {
		s.drain(s.ch, s.pipes.out)
		s.pipes.out.Close() // when the client takes no more, the program shall know
	})
	outputs.Go(func() {
		s.drain(s.ch.Stderr(), s.pipes.err)
		s.pipes.err.Close()
	})
	s.launch()
	s.running.Go(s.send)
	// Programs in the background may hold the output longer than the one we
	// started. As with sshd, the channel stays open as long as they can write to it.
	outputs.Wait()
	s.end()
}

// drain copies output to the client, for which it may be kept.
func (s *session) drain(to io.Writer, from io.Reader) {
	if s.cfg.Spill == nil {
		flow.Copy(to, from)
		return
	}
	if err := s.cfg.Spill.Copy(to, from, s.client()); errors.Is(err, keep.ErrLost) {
		s.cfg.Logf("session: %v", err)
		s.ch.Close() // with no exit status: it would say that all is well
	}
}

// end tells the client, which has all the output, how the program ended.
func (s *session) end() {
	p := s.program
	// A status that is known goes first: there are masters that close the channel at
	// the end of file, once their client has ended its side, and wait for nothing.
	told := s.tellExit()
	s.ch.CloseWrite()
	select {
	case <-p.exited:
	case <-s.gone:
	case <-p.hungUp:
		select {
		case <-p.exited:
		case <-s.gone:
		case <-time.After(linger): // it does not heed that
		}
	}
	if !told {
		s.tellExit()
	}
	p.hangup()
	s.ch.Close()
}

// tellExit tells the client how the program ended, if it has.
func (s *session) tellExit() bool {
	select {
	case <-s.program.exited:
		how := s.program.how
		s.ch.SendRequest(how.request, false, how.payload)
		return true
	default:
		return false
	}
}

// show runs a program on a terminal, unless it runs already, and waits until the
// client has all its output, or has the terminal no more.
func (s *session) show() {
	defer close(s.shown)
	if s.kind != terms.AttachRequest {
		s.launch()
	}
	go s.send() // it may wait for a program that reads nothing, and outlives the channel
	<-s.joint.Done()
	switch {
	case s.joint.Delivered():
		s.end()
		return
	case !s.joint.Parted():
		return // the channel takes no more: it has ended
	}
	if by, taken := s.program.taken(s.joint); taken {
		s.ch.SendRequest(terms.TakenRequest, false, ssh.Marshal(struct{ By string }{by}))
	}
	how := exitStatus(0)
	s.ch.SendRequest(how.request, false, how.payload)
	s.ch.Close()
}

// taken tells who has the terminal that j had.
func (p *Program) taken(j *keep.Joint) (by string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.client, j.Taken()
}

// send copies what the client sends to the program.
func (s *session) send() {
	defer close(s.sent)
	if s.pty != nil {
		// As with sshd, a client that has no more input leaves the terminal alone.
		flow.Copy(typist{s}, s.ch)
		return
	}
	write, _ := flow.Copy(s.pipes.in, s.ch)
	s.pipes.in.Close()
	if write != nil {
		// Nobody reads any more. An OpenSSH client then stops sending; what is under
		// way is thrown away, or it would keep the client's later words from us.
		s.ch.SendRequest("eow@openssh.com", false, nil)
		io.Copy(io.Discard, s.ch)
	}
}

// typist types what the client sends, as long as it has the terminal.
type typist struct{ s *session }

func (t typist) Write(p []byte) (int, error) {
	if !t.s.joint.Joined() {
		return 0, io.ErrClosedPipe
	}
	if bytes.ContainsAny(p, "\x03\x1c") {
		t.s.program.output.Interrupt() // before what the program answers
	}
	return t.s.pty.Write(p)
}

// ending is how a program ended, as the request that tells the client.
type ending struct {
	request string
	payload []byte
}

func exitStatus(code uint32) ending {
	return ending{"exit-status", ssh.Marshal(struct{ Status uint32 }{code})}
}

// known is the ending in numbers and names.
func (e ending) known() (status uint32, signal string) {
	if e.request == "exit-status" {
		return binary.BigEndian.Uint32(e.payload), ""
	}
	var m struct {
		Name string
		Rest []byte `ssh:"rest"`
	}
	ssh.Unmarshal(e.payload, &m)
	return 0, m.Name
}

// launch starts the program.
func (s *session) launch() {
	p := s.program
	cmd, err := s.compose()
	if s.pty != nil && s.cfg.Login.From != "" {
		s.pty.Record(s.cfg.Login.From)
	}
	if err == nil {
		s.welcome(cmd.Env)
		err = s.begin(cmd)
	}
	if err != nil {
		s.complain(err)
	}
	if s.pipes != nil {
		s.pipes.letGo()
	} else if err != nil {
		s.pty.LetGo()
	}
	if err != nil {
		p.how, p.ended = exitStatus(1), time.Now()
		close(p.exited)
		return
	}
	// This goroutine stays as long as the program, which may outlive the channel.
	go func() {
		cmd.Wait()
		p.setPID(0)
		if p.pty != nil {
			p.pty.Exited()
		}
		p.how, p.ended = howEnded(cmd.ProcessState), time.Now()
		close(p.exited)
		if p.pty != nil {
			p.pty.Forget() // what it wrote may wait for its user for days
		}
	}()
}

// begin starts cmd so that a client that has seen its output can signal it.
func (s *session) begin(cmd *exec.Cmd) error {
	s.program.pidMu.Lock()
	defer s.program.pidMu.Unlock()
	if err := s.execute(cmd); err != nil {
		return err
	}
	s.program.pid = cmd.Process.Pid
	return nil
}

func (s *session) execute(cmd *exec.Cmd) error {
	if s.pty != nil {
		return s.pty.Start(cmd)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.pipes.theirs[0], s.pipes.theirs[1], s.pipes.theirs[2]
	ownSession(cmd)
	pty.HeedSignals()
	return cmd.Start()
}

// complain tells the user why the program doesn't run, on what was to be its stderr.
func (s *session) complain(err error) {
	var path *fs.PathError
	if errors.As(err, &path) { // as perror would
		err = fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	fmt.Fprintf(s.stderr(), "%v\n", err)
}

func (s *session) stderr() io.Writer {
	if s.pipes != nil {
		return s.pipes.theirs[2]
	}
	if tty := s.pty.TTY(); tty != nil {
		return tty
	}
	return s.ch
}

// refusal is said to the user as it is.
type refusal string

func (r refusal) Error() string { return string(r) }

// compose makes the command to run: the user's login shell does all but sshd's own sftp server.
func (s *session) compose() (*exec.Cmd, error) {
	cmd := &exec.Cmd{Env: s.environ(), Dir: s.cfg.Login.Home}
	if args, ok := policy.IsInternalSFTP(s.command); ok && (s.kind == "subsystem" || s.forced) {
		if s.kind != "subsystem" {
			return nil, refusal("This service allows sftp connections only.") // sshd's words
		}
		server := s.cfg.SFTPServer
		if path, ok := findSFTPServer(); ok {
			server = []string{path, "sftp-server"}
		}
		if server == nil {
			return nil, errors.New("sftp: no sftp-server on this host")
		}
		cmd.Path = server[0]
		cmd.Args = append(slices.Clone(server[1:]), strings.Fields(args)...)
	} else {
		throughShell(cmd, s.cfg.Login.Shell, s.kind == "shell" && !s.forced, s.command)
	}
	if !isDir(cmd.Dir) {
		fmt.Fprintf(s.stderr(), "Could not chdir to home directory %s: No such file or directory\n", cmd.Dir)
		cmd.Dir = "" // ours is as good as any
	}
	return cmd, nil
}
