package client

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"tssh/client/background"
	"tssh/client/cli"
	"tssh/client/config"
	"tssh/client/login"
	"tssh/client/sshconfig"
	"tssh/client/tty"
	"tssh/client/voice"
)

// exitError is ssh's exit status for every failure of its own.
const exitError = 255

func write(text string) int {
	_, err := os.Stdout.WriteString(text)
	return printed(err)
}

func printed(err error) int {
	if err != nil {
		return exitError
	}
	return 0
}

// invocation is one run of tssh.
type invocation struct {
	cmd  *cli.Command
	env  sshconfig.Env
	said *sshconfig.Resolved // of the host
	host *config.Host
	sink *voice.Sink
	log  voice.Log
	term *tty.Terminal

	unshared bool // this run is no master, whatever ControlMaster says

	child background.Child // what our parent sees
	led   background.Led   // by a parent that waits in our place
}

func newInvocation(cmd *cli.Command) *invocation {
	return &invocation{
		cmd: cmd, env: sshconfig.Local(),
		term: tty.New(os.Stdin, os.Stdout), child: background.FromEnv(), led: background.LedFromEnv(),
	}
}

// configure evaluates the configuration and opens the log.
func (v *invocation) configure() error {
	level, _ := voice.ParseLevel("INFO")
	if v.cmd.Verbosity > 0 {
		level = voice.Verbose + voice.Level(v.cmd.Verbosity)
	} else if v.cmd.Quiet {
		level = voice.Quiet
	}
	var err error
	if v.sink, err = voice.OpenSink(v.cmd.LogFile, level); err != nil {
		return err
	}
	v.log = v.sink.Log
	if v.cmd.Verbosity > 0 && v.child.Stage == background.Alone { // ssh's first line too
		v.log.Infof("%s", cli.Version())
	}
	v.env.Warn = func(line string) { v.sink.Raw(line) }
	v.env.Debug = func(line string) { v.log.Debugf("%s", line) }
	v.said, err = sshconfig.Resolve(v.env, sshconfig.Request{
		Host:     v.cmd.Destination,
		Settings: v.cmd.Settings,
		File:     v.cmd.ConfigFile,
		Command:  v.cmd.Line(),
		Stdio:    v.cmd.StdioForward != nil,
	})
	if err != nil {
		return err
	}
	v.host = v.said.Host
	if l, ok := voice.ParseLevel(v.host.LogLevel); ok {
		v.sink.SetLevel(l)
	}
	if v.cmd.Syslog {
		if err := v.sink.Syslog(v.host.SyslogFacility); err != nil {
			v.log.Errorf("%v; logging to standard error", err)
		}
	}
	return nil
}

// resolve finds the configuration of another host on the way, through which ssh
// would go by -W.
func (v *invocation) resolve(host, user string, port int) (*config.Host, error) {
	var settings []sshconfig.Setting
	if user != "" {
		settings = append(settings, sshconfig.Override("User", user))
	}
	if port != 0 {
		settings = append(settings, sshconfig.Override("Port", fmt.Sprint(port)))
	}
	h, err := sshconfig.Resolve(v.env, sshconfig.Request{Host: host, Settings: settings, File: v.cmd.ConfigFile, Stdio: true})
	if err != nil {
		return nil, err
	}
	return h.Host, h.Check()
}

// command is what the far side shall run; "" is a login shell.
func (v *invocation) command() string {
	if line := v.cmd.Line(); line != "" {
		return line
	}
	return v.host.RemoteCommand
}

// tell says why tssh ends. Words that are ssh's own stand alone.
func (v *invocation) tell(err error) {
	var cfg *config.Error
	if errors.As(err, &cfg) {
		v.sink.Raw(strings.Join(cfg.Lines, "\n"))
		return
	}
	var end *login.Error
	if errors.As(err, &end) && end.Fatal() {
		v.log.Fatalf("%v", err)
		return
	}
	v.log.Errorf("%v", err)
}
