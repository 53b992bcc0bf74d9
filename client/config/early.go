package config

import (
	"fmt"
	"os"
	"strings"
)

// expandEarly expands what ssh expands before it connects, and -G prints
// expanded. The rest is expanded where it is used; see Expand.
func (h *Host) expandEarly() error {
	for _, s := range []struct {
		key   string
		field *string
	}{
		{"controlpath", &h.ControlPath},
		{"remotecommand", &h.RemoteCommand},
		{"identityagent", &h.IdentityAgent},
		{"forwardagent", &h.ForwardAgent},
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
			h.env.warn(fmt.Sprintf("Cannot forward agent socket path %q: %s", path, reason(err)))
		}
	}
	for i := range h.UserKnownHostsFile {
		if err := h.expandInto("userknownhostsfile", &h.UserKnownHostsFile[i]); err != nil {
			return err
		}
	}
	if h.UserKnownHostsFile != nil {
		h.values["userknownhostsfile"] = h.UserKnownHostsFile
	}
	for _, forwards := range [][]Forward{h.LocalForward, h.RemoteForward} {
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

func (h *Host) expandInto(key string, value *string) error {
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
