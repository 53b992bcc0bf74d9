package session

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxUserEnv bounds the lines of ~/.ssh/environment, as in sshd.
const maxUserEnv = 1000

// environ is the environment of the program. Later entries win, in sshd's order:
// what the client sent, the login's own, what belongs to this session, the
// key's, ~/.ssh/environment, SetEnv; and nothing overrules where the login came from.
func (s *session) environ() []string {
	var env environment
	for _, v := range s.env {
		env.set(v)
	}
	for _, v := range s.cfg.Login.Env {
		env.set(v)
	}
	if s.pty != nil {
		env.set("SSH_TTY=" + s.pty.Name())
		if s.terminal != "" {
			env.set("TERM=" + s.terminal)
		}
	}
	if s.display != nil {
		env.set("DISPLAY=" + s.display.Name)
	}
	if s.agent != "" {
		env.set("SSH_AUTH_SOCK=" + s.agent)
	}
	if s.cfg.Tunnels != nil {
		if names := s.cfg.Tunnels(); names != "" {
			env.set("SSH_TUNNEL=" + names)
		}
	}
	for _, v := range s.cfg.Policy.KeyEnv {
		env.set(v)
	}
	s.userEnv(&env)
	for _, v := range s.cfg.Policy.SetEnv {
		env.set(v)
	}
	for _, v := range s.cfg.Login.Env {
		if strings.HasPrefix(v, "SSH_CLIENT=") || strings.HasPrefix(v, "SSH_CONNECTION=") {
			env.set(v)
		}
	}
	if s.original != "" {
		env.set("SSH_ORIGINAL_COMMAND=" + s.original)
	}
	return env
}

// userEnv reads ~/.ssh/environment, as far as PermitUserEnvironment lets it.
func (s *session) userEnv(env *environment) {
	if s.cfg.Policy.UserEnv == "" {
		return
	}
	name := filepath.Join(s.cfg.Login.Home, ".ssh", "environment")
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; n <= maxUserEnv && lines.Scan(); n++ {
		line := strings.TrimLeft(lines.Text(), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, ok := strings.Cut(line, "=")
		if !ok {
			fmt.Fprintf(s.stderr(), "Bad line %d in %s\n", n, name)
			continue
		}
		if s.cfg.Policy.PermitsUserEnv(key) {
			env.set(line)
		}
	}
}

// environment is a list of NAME=value in which each name occurs once.
type environment []string

func (e *environment) set(v string) {
	name, _, _ := strings.Cut(v, "=")
	i := slices.IndexFunc(*e, func(old string) bool { return strings.HasPrefix(old, name+"=") })
	if i < 0 {
		*e = append(*e, v)
	} else {
		(*e)[i] = v
	}
}

// validEnv refuses what can't be one variable.
func validEnv(name, value string) bool {
	return name != "" && !strings.ContainsAny(name, "=\x00") && !strings.ContainsRune(value, 0)
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
