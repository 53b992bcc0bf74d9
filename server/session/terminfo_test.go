//go:build unix

package session

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tssh/proxy/terminfo"
)

// described is the smallest description of a terminal: its name.
func described(name string) terminfo.Entry {
	return terminfo.Entry{Name: name, Data: append([]byte("\x1a\x01"+string(rune(len(name)+1))+"\x00\x00\x00\x00\x00\x00\x00\x00\x00"), name+"\x00"...)}
}

// TestTerminalIsDescribed: the first program knows the terminal of a client, and
// what is there already is left alone.
func TestTerminalIsDescribed(t *testing.T) {
	cfg := config(t)
	e := described("x-test")
	c := serve(t, cfg,
		request{terminfo.Request, e, true},
		request{"exec", text{"cat .terminfo/*/x-test"}, true})
	if !bytes.Equal(c.out.Bytes(), e.Data) {
		t.Errorf("the program finds %q", c.out.Bytes())
	}
	serve(t, cfg, request{terminfo.Request, e, false}, request{"exec", text{"true"}, true})
	serve(t, cfg,
		request{"exec", text{"true"}, true},
		request{terminfo.Request, described("x-late"), false})
}

// TestNoFileIsWritten for a login that may have no terminal, or not its own
// command, and of what is no description.
func TestNoFileIsWritten(t *testing.T) {
	for what, change := range map[string]func(*Config, *terminfo.Entry){
		"no pty":         func(c *Config, _ *terminfo.Entry) { c.Policy.TTY = false },
		"a forced key":   func(c *Config, _ *terminfo.Entry) { c.Policy.KeyCommand = "true" },
		"ForceCommand":   func(c *Config, _ *terminfo.Entry) { c.Policy.ForceCommand = "true" },
		"another's file": func(_ *Config, e *terminfo.Entry) { e.Name = "../../.bashrc" },
		"a script":       func(_ *Config, e *terminfo.Entry) { e.Data = []byte("#!/bin/sh\n# x-test\n") },
	} {
		cfg, e := config(t), described("x-test")
		change(&cfg, &e)
		serve(t, cfg, request{terminfo.Request, e, false}, request{"exec", text{"true"}, true})
		left, err := os.ReadDir(cfg.Login.Home)
		if err != nil || len(left) != 0 {
			t.Errorf("%s: %v %v", what, left, err)
		}
	}
	cfg := config(t)
	cfg.Login.Home = filepath.Join(cfg.Login.Home, "gone", "home")
	serve(t, cfg, request{terminfo.Request, described("x-test"), true}, request{"exec", text{"true"}, true})
}
