package config

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"

	"tssh/client/config/expand"
)

// Token sets of the TOKENS section; other keywords take all that are known.
const (
	proxyTokens = "hknpr" // k is in no manual
	hostTokens  = "h"
)

// Tokens are what percent tokens stand for. Only a connection can give some: %f %H
// %I %K %t for KnownHostsCommand, %T and the others for LocalCommand.
type Tokens map[byte]string

// Expand expands the tokens in the value of a keyword, and its ${NAME} and ~
// where the keyword has them. Extra gives the tokens that only the caller
// knows. The error is ssh's words.
func (h *Host) Expand(keyword, value string, extra Tokens) (string, error) {
	known, env, tilde := h.Tokens(), false, false
	switch strings.ToLower(keyword) {
	case "hostname":
		known = only(known, hostTokens)
	case "proxycommand", "proxyjump":
		known = only(known, proxyTokens)
	case "user":
		delete(known, 'r')
		delete(known, 'C')
		env = true
	case "setenv", "versionaddendum":
		env = true
	case "identityfile", "certificatefile", "controlpath", "identityagent",
		"forwardagent", "userknownhostsfile", "revokedhostkeys":
		env, tilde = true, true
	case "globalknownhostsfile":
		return h.Machine.Tilde(value)
	case "localforward", "remoteforward": // the environment is expanded already
	case "knownhostscommand", "localcommand":
		for k, v := range extra {
			known[k] = v
		}
		env = strings.ToLower(keyword) == "knownhostscommand"
	case "remotecommand":
	default:
		return value, nil
	}
	var err error
	if tilde {
		if value, err = h.Machine.Tilde(value); err != nil {
			return "", err
		}
	}
	if env {
		value, err = expand.Env(value, h.Machine.Getenv, known)
		if _, unset := err.(expand.Unset); unset {
			return "", &Error{Lines: []string{err.Error(), "invalid environment variable expansion"}}
		}
		return value, unexpanded(err, "percent_dollar_expand: failed")
	}
	value, err = expand.Percent(value, known)
	return value, unexpanded(err, "percent_expand: failed")
}

// unexpanded adds what ssh says last of a value that it could not expand.
func unexpanded(err error, last string) error {
	if err == nil {
		return nil
	}
	return &Error{Lines: []string{err.Error(), last}}
}

// Tokens returns what the percent tokens of the TOKENS section stand for, but for
// those that only a connection can give.
func (h *Host) Tokens() Tokens {
	m := h.Machine
	short, _, _ := strings.Cut(m.Hostname, ".")
	alias, jump, port := h.HostKeyAlias, "", strconv.Itoa(h.Port)
	if alias == "" {
		alias = h.Original
	}
	if n := len(h.ProxyJump); n > 0 {
		jump = h.ProxyJump[n-1].Host
	}
	// The hash only names sockets; nothing rests on its strength.
	sum := sha1.Sum([]byte(m.Hostname + h.HostName + port + h.User + jump))
	return Tokens{
		'C': hex.EncodeToString(sum[:]), 'd': m.Home, 'h': h.HostName, 'i': m.UID,
		'j': jump, 'k': alias, 'L': short, 'l': m.Hostname, 'n': h.Original,
		'p': port, 'r': h.User, 'u': m.User,
	}
}

func only(tokens Tokens, letters string) Tokens {
	few := Tokens{}
	for i := range letters {
		few[letters[i]] = tokens[letters[i]]
	}
	return few
}
