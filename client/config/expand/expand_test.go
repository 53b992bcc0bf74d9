package expand

import (
	"errors"
	"testing"
)

func TestPercent(t *testing.T) {
	tokens := map[byte]string{'h': "a%p", 'p': "22"}
	for s, want := range map[string]string{
		"":          "",
		"%h:%p":     "a%p:22", // what a token stands for is not expanded again
		"100%%":     "100%",
		"ends in %": "vdollar_percent_expand: invalid format",
		"%x":        "vdollar_percent_expand: unknown key %x",
	} {
		if got, err := Percent(s, tokens); got != want && (err == nil || err.Error() != want) {
			t.Errorf("%q: %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestEnv(t *testing.T) {
	getenv := func(name string) (string, bool) { return "%h${B}", name == "A" }
	tokens := map[byte]string{'h': "${A}"}
	for s, want := range map[string]string{
		"":        "",
		"x${A}y":  "x%h${B}y", // nor is what a variable holds
		"%h-${A}": "${A}-%h${B}",
		"$A":      "$A",
		"${":      "vdollar_percent_expand: environment variable '' missing closing '}'",
		"${}":     "vdollar_percent_expand: zero-length environment variable",
		"${B}":    "vdollar_percent_expand: env var ${B} has no value",
	} {
		if got, err := Env(s, getenv, tokens); got != want && (err == nil || err.Error() != want) {
			t.Errorf("%q: %q, %v; want %q", s, got, err, want)
		}
	}
	if _, err := Env("${B}", getenv, nil); !errors.As(err, new(Unset)) {
		t.Errorf("a variable that is not there: %v", err)
	}
	if got, err := Env("%x", getenv, nil); got != "%x" || err != nil {
		t.Errorf("without tokens: %q, %v", got, err)
	}
}
