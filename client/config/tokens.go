package config

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"

	"tssh/client/config/endpoint"
	"tssh/client/config/expand"
)

// tokens returns what the percent tokens of the TOKENS section stand for, as
// far as they are known while files are still being read.
func (e *evaluator) tokens() map[byte]string {
	port := e.first("port")
	if port == "" {
		port = "22"
	}
	alias := e.first("hostkeyalias")
	if alias == "" {
		alias = e.req.Host
	}
	jumps, _ := endpoint.ParseJumps(e.first("proxyjump"))
	if e.first("proxyjump") == "none" {
		jumps = nil
	}
	return tokensOf(e.env, tokenValues{
		original: e.req.Host, host: e.target(), port: port,
		user: e.remoteUser(), alias: alias, jumps: jumps,
	})
}

type tokenValues struct {
	original, host, port, user, alias string
	jumps                             []Jump
}

func tokensOf(env *Env, v tokenValues) map[byte]string {
	short, _, _ := strings.Cut(env.Hostname, ".")
	jump := ""
	if n := len(v.jumps); n > 0 {
		jump = v.jumps[n-1].Host
	}
	// The hash only names sockets; nothing rests on its strength.
	sum := sha1.Sum([]byte(env.Hostname + v.host + v.port + v.user + jump))
	return map[byte]string{
		'C': hex.EncodeToString(sum[:]), 'd': env.Home, 'h': v.host, 'i': env.UID,
		'j': jump, 'k': v.alias, 'L': short, 'l': env.Hostname, 'n': v.original,
		'p': v.port, 'r': v.user, 'u': env.User,
	}
}

func (e *evaluator) environment(s string) (string, error) {
	return expand.Env(s, e.env.Getenv, nil)
}

// Token sets of the TOKENS section; other keywords take all that are known.
const (
	proxyTokens = "hknpr" // k is in no manual
	hostTokens  = "h"
)

// Tokens are those that only the connection can give: %f %H %I %K %t for
// KnownHostsCommand, %T and the others for LocalCommand.
type Tokens map[byte]string

// Expand expands the tokens in the value of a keyword, and its ${NAME} and ~
// where the keyword has them. Extra gives the tokens that only the caller
// knows. The error is ssh's words.
func (h *Host) Expand(keyword, value string, extra Tokens) (string, error) {
	known, env, tilde := h.tokens(), false, false
	switch lower(keyword) {
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
		return h.env.tilde(value)
	case "localforward", "remoteforward": // the environment is expanded already
	case "knownhostscommand", "localcommand":
		for k, v := range extra {
			known[k] = v
		}
		env = lower(keyword) == "knownhostscommand"
	case "remotecommand":
	default:
		return value, nil
	}
	var err error
	if tilde {
		if value, err = h.env.tilde(value); err != nil {
			return "", err
		}
	}
	if env {
		value, err = expand.Env(value, h.env.Getenv, known)
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

func (h *Host) tokens() map[byte]string {
	alias := h.HostKeyAlias
	if alias == "" {
		alias = h.Original
	}
	return tokensOf(h.env, tokenValues{
		original: h.Original, host: h.HostName, port: strconv.Itoa(h.Port),
		user: h.User, alias: alias, jumps: h.ProxyJump,
	})
}

func only(tokens map[byte]string, letters string) map[byte]string {
	few := map[byte]string{}
	for i := range letters {
		few[letters[i]] = tokens[letters[i]]
	}
	return few
}
