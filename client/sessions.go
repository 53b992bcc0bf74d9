package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"tssh/client/cli"
	"tssh/client/control"
	"tssh/client/login"
	"tssh/client/roam"
	"tssh/client/sshconfig"
	"tssh/proxy/roster"
	"tssh/proxy/terms"
)

// sessions is --sessions and --end: what is asked of the tsshd on the host, through
// an ordinary login.
func (v *invocation) sessions(ctx context.Context) int {
	l, _, err := v.logIn(ctx, false)
	if err != nil {
		v.tell(err)
		return exitError
	}
	defer l.Close()
	ask := terms.List
	if v.cmd.End != "" {
		ask = terms.End
	}
	a, err := roam.Ask(ctx, l.Client, l, v.moving(v.host), ask, v.cmd.End)
	if err != nil {
		v.log.Errorf("tssh: %s: %v", v.host.HostName, err)
		return exitError
	}
	switch {
	case v.cmd.End != "":
		return 0
	case len(a.Sessions) == 0 && !v.cmd.JSON:
		_, err = fmt.Println(roster.None)
	default:
		err = roster.Show(os.Stdout, time.Now(), a.Sessions, v.cmd.JSON)
	}
	return printed(err)
}

// How long the TAB key may wait for the names of sessions: a tsshd that is stopped
// takes two seconds to be passed by.
const (
	listing  = 5 * time.Second / 2
	pressing = 3 * time.Second
)

// askedOf are lines about the connection, for who asks the master.
func (v *invocation) askedOf(s *service, about string) []string {
	if about != aboutSessions {
		return s.about(about)
	}
	c := roam.Config{TsshdPath: v.host.TsshdPath, HostName: v.host.HostName}
	var l *login.Login
	switch on := s.connection.(type) {
	case direct:
		l = on.Login
	case roaming:
		l, c.TsshdPath = on.login, on.Server().Path
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), listing)
	defer cancel()
	a, err := roam.Ask(ctx, s.Client(), l, c, terms.List, "")
	if err != nil {
		v.log.Debugf("%v", err)
		return nil
	}
	var names []string
	for _, there := range terms.CleanSessions(a.Sessions) {
		names = append(names, there.Name)
	}
	return names
}

// aboutSessions asks a master of ours for the names of the sessions on its host.
const aboutSessions = "sessions@tssh"

// sessionsFor are the names of sessions for a command line that is being typed: those
// on its host, where a master leads there already, else those that clients on this
// machine have. A key press makes no login, asks nothing and runs no program.
func sessionsFor(line []string) []string {
	found := make(chan []string, 1)
	go func() { found <- sessionsByMaster(line) }()
	select {
	case names := <-found:
		if names != nil {
			return names
		}
	case <-time.After(pressing):
	}
	return sessionsHere()
}

func sessionsByMaster(line []string) []string {
	cmd, err := cli.Parse(line)
	if err != nil || cmd.Destination == "" {
		return nil
	}
	env := sshconfig.Local()
	env.Run = func(string) (bool, error) { return false, nil }
	env.Lookup = func(string, string) (string, error) { return "", errors.ErrUnsupported }
	said, err := sshconfig.Resolve(env, sshconfig.Request{Host: cmd.Destination, Settings: cmd.Settings, File: cmd.ConfigFile})
	if err != nil || said.Host.ControlPath == "" || said.Host.ControlPath == "none" {
		return nil
	}
	c, err := control.Dial(said.Host.ControlPath)
	if err != nil {
		return nil
	}
	defer c.Close()
	text, err := c.Info(aboutSessions)
	if err != nil {
		return nil
	}
	return strings.Fields(text)
}
