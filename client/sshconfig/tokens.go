package sshconfig

import (
	"strconv"

	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/config/expand"
)

// tokens returns what the percent tokens of the TOKENS section stand for, as
// far as they are known while files are still being read.
func (e *evaluator) tokens() config.Tokens {
	h := config.Host{
		Machine: &e.env.Machine, Original: e.req.Host, HostName: e.target(), Port: 22,
		User: e.remoteUser(), HostKeyAlias: e.first("hostkeyalias"),
	}
	if port, err := strconv.Atoi(e.first("port")); err == nil {
		h.Port = port
	}
	if jumps := e.first("proxyjump"); jumps != "none" {
		h.ProxyJump, _ = endpoint.ParseJumps(jumps)
	}
	return h.Tokens()
}

func (e *evaluator) environment(s string) (string, error) {
	return expand.Env(s, e.env.Getenv, nil)
}
