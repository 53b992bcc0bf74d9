package session

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tssh/server/policy"
)

// welcome shows what a login shows and runs what a login runs before its program.
func (s *session) welcome(env []string) {
	if s.kind == "shell" && !s.forced && s.pty != nil && s.pty.TTY() != nil && !s.hushed() {
		io.WriteString(s.pty.TTY(), s.greeting())
	}
	if rc := s.rc(); rc != nil {
		rc.Env, rc.Dir = env, s.cfg.Login.Home
		start := rc.Start
		if s.pipes != nil {
			rc.Stdout, rc.Stderr = s.pipes.theirs[1], s.pipes.theirs[2]
		} else {
			start = func() error { return s.pty.Show(rc) }
		}
		err := start()
		if err == nil {
			err = rc.Wait()
		}
		if err != nil {
			s.cfg.Logf("session: run %s: %v", rc.Path, err)
		}
	}
}

func (s *session) hushed() bool {
	_, err := os.Stat(filepath.Join(s.cfg.Login.Home, ".hushlogin"))
	return err == nil
}

// greeting is what a shell on a terminal begins with: PAM's message of the
// day, where sshd uses PAM, the last login, and sshd's own message of the day.
func (s *session) greeting() string {
	var text strings.Builder
	if s.cfg.Policy.PAM {
		text.WriteString(pamMotd("/etc/pam.d/sshd"))
	}
	if s.cfg.Policy.LastLog {
		if when, from, ok := lastLogin("/var/log/lastlog", s.cfg.Login.UID); ok {
			text.WriteString("Last login: " + when.Format(time.ANSIC))
			if from != "" {
				text.WriteString(" from " + from)
			}
			text.WriteByte('\n')
		}
	}
	if s.cfg.Policy.Motd {
		motd, _ := os.ReadFile("/etc/motd")
		text.Write(motd)
	}
	return text.String()
}

// pamMotd is what pam_motd shows by the lines of a PAM service. The dynamic
// part was made by root when the user logged in by ssh, just before.
func pamMotd(service string) string {
	lines, err := os.ReadFile(service)
	if err != nil {
		return ""
	}
	var text strings.Builder
	for line := range strings.Lines(string(lines)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		at := slices.IndexFunc(words, func(w string) bool { return filepath.Base(w) == "pam_motd.so" })
		if at < 0 || strings.TrimPrefix(words[0], "-") != "session" {
			continue
		}
		for _, name := range motdFiles(words[at+1:]) {
			if b, err := os.ReadFile(name); err == nil && len(b) > 0 {
				fmt.Fprintln(&text, strings.TrimSuffix(string(b), "\n"))
			}
		}
	}
	return text.String()
}

// motdFiles are the files that pam_motd shows with the given arguments.
func motdFiles(args []string) []string {
	var files, dirs []string
	for _, arg := range args {
		if list, ok := strings.CutPrefix(arg, "motd="); ok {
			files = strings.Split(list, ":")
		} else if list, ok := strings.CutPrefix(arg, "motd_dir="); ok {
			dirs = strings.Split(list, ":")
		}
	}
	if files == nil && dirs == nil {
		files = []string{"/etc/motd", "/run/motd", "/usr/lib/motd"}
		dirs = []string{"/etc/motd.d", "/run/motd.d", "/usr/lib/motd.d"}
	}
	var show []string
	for _, name := range files { // the first there is
		if _, err := os.Stat(name); err == nil {
			show = append(show, name)
			break
		}
	}
	parts := make(map[string]string) // an earlier directory hides the names of later ones
	for _, dir := range slices.Backward(dirs) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			parts[e.Name()] = filepath.Join(dir, e.Name())
		}
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		show = append(show, parts[name])
	}
	return show
}

// rc is what runs before the program: the user's ~/.ssh/rc, else the system's
// sshrc, else xauth when there is a display. The first two get the cookie on stdin and must call xauth themselves.
func (s *session) rc() *exec.Cmd {
	if s.pty != nil && s.pty.TTY() == nil {
		return nil // Windows
	}
	cookie := ""
	if s.display != nil {
		cookie = s.x11.Protocol + " " + s.x11.Cookie + "\n"
	}
	p := s.cfg.Policy
	if s.cfg.Ran != nil && !s.asked && RC(s.cfg.Login, p) && s.cfg.Ran() {
		return nil
	}
	if s.kind != "subsystem" && p.ForceCommand == "" && p.UserRC && isFile(filepath.Join(s.cfg.Login.Home, ".ssh", "rc")) {
		cmd := new(exec.Cmd)
		throughShell(cmd, s.cfg.Login.Shell, false, "/bin/sh .ssh/rc")
		cmd.Stdin = strings.NewReader(cookie)
		return cmd
	}
	if isFile("/etc/ssh/sshrc") {
		return &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "/etc/ssh/sshrc"}, Stdin: strings.NewReader(cookie)}
	}
	if s.display != nil {
		return s.xauth(s.display.Auth)
	}
	return nil
}

// xauth gives programs the client's cookie for a display; nil where that can't be.
func (s *session) xauth(display string) *exec.Cmd {
	xauth := s.cfg.Policy.XAuth
	if xauth == "" {
		return nil
	}
	// On stdin, as others see what stands on a command line.
	return &exec.Cmd{Path: xauth, Args: []string{xauth, "-q", "-"},
		Stdin: strings.NewReader(fmt.Sprintf("remove %s\nadd %s %s %s\n", display, display, s.x11.Protocol, s.x11.Cookie))}
}

// RC reports whether there is something that sshd runs at a login, before the
// program: the user's ~/.ssh/rc, or the system's.
func RC(l Login, p *policy.Policy) bool {
	return p.ForceCommand == "" && p.UserRC && isFile(filepath.Join(l.Home, ".ssh", "rc")) || isFile("/etc/ssh/sshrc")
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
