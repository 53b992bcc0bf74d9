package server

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestCommandsReadTheirOptionsAnywhere(t *testing.T) {
	for line, want := range map[string]string{
		"sshd --listen [::1]:22 -v":       "",
		"sshd -listen=[::1]:22 --verbose": "",
		"offer --detached w --log l":      "",
		"offer w --detached --log=l":      "",
		"relay s 17":                      "",
		"sftp-server -e -l DEBUG":         "",
		"sshd --listen":                   "option requires an argument -- listen",
		"sshd --nonsense":                 "unknown option -- nonsense",
		"sshd x":                          `unexpected argument "x"`,
		"relay":                           "an argument is missing: socket [pid]",
		"relay a 1 c":                     `unexpected argument "c"`,
		"verify":                          "an argument is missing: hash",
	} {
		f := strings.Fields(line)
		c := find(f[0])
		o, words, err := c.read(f[1:])
		switch {
		case want != "":
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %q", line, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", line, err)
		case c.Name == "sshd" && (o.serving.Listen != "[::1]:22" || !o.serving.Verbose),
			c.Name == "offer" && (o.offering.Log != "l" || !o.offering.Detached || !slices.Equal(words, []string{"w"})),
			c.Name == "sftp-server" && !slices.Equal(words, f[1:]):
			t.Errorf("%s: read as %+v %q", line, o, words)
		}
	}
}

func TestHelpNamesWhatUsersMayType(t *testing.T) {
	var b bytes.Buffer
	printHelp(&b, Commands()...)
	for _, c := range Commands() {
		if !strings.Contains(b.String(), " "+c.Usage()+"\n") || !strings.Contains(b.String(), "\n"+c.Name+": "+c.Help) {
			t.Errorf("help lacks %s", c.Name)
		}
	}
	if strings.Contains(b.String(), "detached") {
		t.Error("help names an option that only tsshd uses")
	}
}
