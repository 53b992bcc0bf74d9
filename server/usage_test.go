package server

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"tssh/server/tags"
)

func TestCommandsReadTheirOptionsAnywhere(t *testing.T) {
	for line, want := range map[string]string{
		"sshd --listen [::1]:22 -v":        "",
		"sshd --listen=[::1]:22 --verbose": "",
		"offer w --log l":                  "",
		"offer --log=l w":                  "",
		"relay s 17":                       "",
		"sshd --listen":                    "expected string value",
		"sshd --nonsense":                  "unknown flag --nonsense",
		"sshd x":                           "unexpected argument x",
		"relay":                            `expected "<socket>"`,
		"relay a 1 c":                      "unexpected argument c",
		"verify":                           `expected "<hash>"`,
	} {
		f := strings.Fields(line)
		var got commandLine
		err := tags.Read(&got, f)
		switch {
		case want != "":
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", line, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", line, err)
		case f[0] == "sshd" && (got.Sshd.Listen != "[::1]:22" || !got.Sshd.Verbose),
			f[0] == "offer" && (got.Offer.Log != "l" || got.Offer.Word != "w"),
			f[0] == "relay" && (got.Relay.Socket != "s" || got.Relay.Process != "17"):
			t.Errorf("%s: read as %+v", line, got)
		}
	}
	var got commandLine
	if err := tags.Read(&got, []string{"sshd"}); err != nil || got.Sshd.Listen != "127.0.0.1:0" {
		t.Errorf("without options: %+v, %v", got, err)
	}
}

func TestHelpNamesWhatUsersMayType(t *testing.T) {
	var b bytes.Buffer
	printHelp(&b, Commands()...)
	if len(Commands()) != 6 {
		t.Errorf("%d commands", len(Commands()))
	}
	text := strings.Join(strings.Fields(b.String()), " ") // it is cut at words
	for _, c := range Commands() {
		if !strings.Contains(text, " "+c.Usage()+" ") || !strings.Contains(text, " "+c.Name+": "+c.Help) {
			t.Errorf("help lacks %s", c.Name)
		}
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > 81 {
			t.Errorf("wider than a terminal: %q", line)
		}
	}
	if strings.Contains(b.String(), "detached") {
		t.Error("help names an option that only tsshd uses")
	}
}

// TestCommandLineIsOfWordsAndSwitches: package tags sets nothing else, and would panic.
func TestCommandLineIsOfWordsAndSwitches(t *testing.T) {
	fields := 0
	for command, c := range tags.Fields(reflect.TypeFor[commandLine]()) {
		if tags.Has(c, "passthrough") { // Main hands its words on
			continue
		}
		for name, f := range tags.Fields(c.Type) {
			fields++
			if kind := f.Type.Kind(); kind != reflect.String && (kind != reflect.Bool || tags.Has(f, "arg")) {
				t.Errorf("%s: %s is of kind %v", command, name, kind)
			}
		}
	}
	if fields < 5 {
		t.Errorf("only %d were found", fields)
	}
}
