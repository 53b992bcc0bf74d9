package sshconfig

import (
	"fmt"
	"os"
	"strings"

	"tssh/client/config"
	"tssh/proxy/cause"
	"tssh/proxy/tun"
)

// expandEarly expands what ssh expands before it connects, and -G prints
// expanded. The rest is expanded where it is used; see Expand.
func (h *Resolved) expandEarly() error {
	for _, s := range []struct {
		key   string
		field *string
	}{
		{"controlpath", &h.ControlPath},
		{"remotecommand", &h.RemoteCommand},
		{"identityagent", &h.IdentityAgent},
		{"forwardagent", &h.ForwardAgent},
		{"versionaddendum", &h.VersionAddendum},
	} {
		if *s.field == "" || literal(s.key, *s.field) {
			continue
		}
		if err := h.expandInto(s.key, s.field); err != nil {
			return err
		}
		h.values[s.key] = []string{*s.field}
	}
	if path := h.ForwardAgent; path != "yes" && path != "no" && !variable(path) {
		if _, err := os.Stat(path); err != nil {
			h.env.warn(fmt.Sprintf("Cannot forward agent socket path %q: %s", path, cause.Of(err)))
		}
	}
	for _, s := range []struct {
		key  string
		list []string
	}{
		{"userknownhostsfile", h.UserKnownHostsFile},
		{"revokedhostkeys", h.RevokedHostKeys},
	} {
		for i := range s.list {
			if err := h.expandInto(s.key, &s.list[i]); err != nil {
				return err
			}
		}
		if s.list != nil {
			h.values[s.key] = s.list
		}
	}
	if err := h.expandSetEnv(); err != nil {
		return err
	}
	for _, forwards := range [][]config.Forward{h.LocalForward, h.RemoteForward} {
		for i := range forwards {
			f := &forwards[i]
			for _, path := range []*string{&f.BindPath, &f.Path} {
				if err := h.expandInto("localforward", path); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// expandSetEnv leaves the names alone.
func (h *Resolved) expandSetEnv() error {
	for i, pair := range h.SetEnv {
		name, value, _ := strings.Cut(pair, "=")
		if err := h.expandInto("setenv", &value); err != nil {
			return err
		}
		h.SetEnv[i] = name + "=" + value
	}
	if h.SetEnv != nil {
		h.values["setenv"] = h.SetEnv
	}
	return nil
}

// expandLate expands what ssh does not before it connects: -G prints it as it
// stands, and what is wrong with it must not keep -G from printing.
func (h *Resolved) expandLate() error {
	for _, s := range []struct {
		key   string
		paths []string
	}{
		{"identityfile", h.IdentityFile},
		{"certificatefile", h.CertificateFile},
		{"globalknownhostsfile", h.GlobalKnownHostsFile},
	} {
		for i := range s.paths {
			if err := h.expandInto(s.key, &s.paths[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// expandUser comes before all others, which may name the user.
func (h *Resolved) expandUser() error {
	if err := h.expandInto("user", &h.User); err != nil {
		return err
	}
	h.values["user"] = []string{h.User}
	return nil
}

// Check returns what stands in the way of a connection: a path that cannot be
// expanded, or something that we cannot do and must not leave out silently.
func (h *Resolved) Check() error {
	switch {
	case h.late != nil:
		return h.late
	case !sayable(h.VersionAddendum):
		return &config.Error{Lines: []string{"VersionAddendum is more than 200 bytes, or not of printable ASCII"}}
	case h.Tunnel != "no" && !tun.Supported:
		return &config.Error{Lines: []string{"tun devices are forwarded on Linux only, whose devices we know to open: leave out -w and Tunnel"}}
	}
	return nil
}

// sayable reports what may stand behind our version in the first line of a
// connection (RFC 4253, 4.2), which is 255 bytes long at most.
func sayable(s string) bool {
	return len(s) <= 200 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (h *Resolved) expandInto(key string, value *string) error {
	if *value == "" {
		return nil
	}
	expanded, err := h.Expand(key, *value, nil)
	if err != nil {
		return err
	}
	*value = expanded
	return nil
}

// literal reports the values of two keywords that say where to look, not where
// it is: they stay as they are.
func literal(key, value string) bool {
	switch key {
	case "identityagent":
		return value == "none" || value == "SSH_AUTH_SOCK" || variable(value)
	case "forwardagent":
		return value == "yes" || value == "no" || variable(value)
	}
	return false
}

// variable reports $NAME, as against ${NAME}.
func variable(s string) bool {
	return strings.HasPrefix(s, "$") && !strings.HasPrefix(s, "${")
}
