package cli

import (
	"bytes"
	"errors"
	goflag "flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"tssh/client/sshconfig"
)

var update = goflag.Bool("update", false, "write COMPAT.md anew")

func parse(t *testing.T, args ...string) *Command {
	t.Helper()
	c, err := Parse(args)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return c
}

func TestOptionsEndAtTheCommand(t *testing.T) {
	for _, c := range []struct {
		args        string
		host, words string
	}{
		{"h ls -l x", "h", "ls|-l|x"},
		{"-p 22 h -p 23 ls -p 24", "h", "ls|-p|24"},
		{"-NfL x h", "h", ""},
		{"h -- ls -- -l", "h", "ls|--|-l"},
		{"-- h -p 3", "h", "-p|3"},
		{"h - -N", "h", "-|-N"},
		{"u@h -tt -v true", "h", "true"},
		{"h --udp ls --udp", "h", "ls|--udp"},
		{"--tsshd-path /x h --tsshd-port=7 cmd", "h", "cmd"},
		{"tsshd ls", "tsshd", "ls"},
		{"-o -x -i -- h", "h", ""},
	} {
		cmd := parse(t, strings.Split(c.args, " ")...)
		if cmd.Destination != c.host || strings.Join(cmd.Words, "|") != c.words {
			t.Errorf("%s: host %q, words %q", c.args, cmd.Destination, cmd.Words)
		}
	}
}

// What a script makes of a variable that is not set is no misuse: -Q and hosts
// have their own word for it.
func TestEmptyValuesAreValues(t *testing.T) {
	if c := parse(t, "-Q", ""); !c.Asked || c.Query != "" {
		t.Errorf("%+v", c)
	}
	for _, host := range []string{"", "u@"} {
		if c := parse(t, host, "ls"); c.Destination != "" || c.Line() != "ls" {
			t.Errorf("%q: %+v", host, c)
		}
	}
	for flag, key := range map[string]string{"-S": "ControlPath", "-I": "PKCS11Provider"} {
		if c := parse(t, flag, "", "h"); c.Settings[0] != sshconfig.Override(key, "none") {
			t.Errorf("%s: %+v", flag, c.Settings)
		}
	}
}

// A word may be empty or hold blanks: what is sent is the words between single
// spaces, and the far shell splits it again.
func TestCommandIsNeverQuotedAgain(t *testing.T) {
	cmd := parse(t, "h", "a  b", "", "'c'", `"$d"`)
	if got, want := cmd.Line(), `a  b  'c' "$d"`; got != want {
		t.Errorf("sends %q, want %q", got, want)
	}
}

func TestLongOptionsAreSettings(t *testing.T) {
	for args, want := range map[string]sshconfig.Setting{
		"--udp h":              sshconfig.Override("UdpMode", "yes"),
		"h --quic":             sshconfig.Override("UdpMode", "QUIC"),
		"--kcp h":              sshconfig.Override("UdpMode", "KCP"),
		"h --tcp ls":           sshconfig.Override("UdpMode", "no"),
		"--tsshd-path=/a=b h":  sshconfig.Override("TsshdPath", "/a=b"),
		"--tsshd-path -x h":    sshconfig.Override("TsshdPath", "-x"),
		"h --tsshd-port 1-2 x": sshconfig.Override("UdpPort", "1-2"),
	} {
		if got := parse(t, strings.Split(args, " ")...).Settings; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestMisuseIsUsage(t *testing.T) {
	for args, want := range map[string]string{
		"":                  "",
		"-z h":              "unknown option -- z",
		"-Nz h":             "unknown option -- z",
		"-p":                "option requires an argument -- p",
		"h -o":              "option requires an argument -- o",
		"--nonsense h":      "unknown option -- nonsense",
		"--p 3 h":           "unknown option -- p",
		"--udp=yes h":       "option doesn't take an argument -- udp",
		"h --tsshd-path":    "option requires an argument -- tsshd-path",
		"-\xc3 h":           "unknown option -- \\303",
		"@h":                "",
		"ssh://":            "",
		"ssh://h:x":         "",
		"ssh://h/path":      "",
		"ssh://@h":          "",
		"ssh://u%zz@h":      "",
		"-s h":              "You must specify a subsystem to invoke.",
		"-p 3":              "",
		"--completion=tcsh": "",
	} {
		var list []string
		if args != "" {
			list = strings.Split(args, " ")
		}
		_, err := Parse(list)
		bad, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%q: %v", args, err)
			continue
		}
		if want != "" && bad.Text != want {
			t.Errorf("%q: said %q, want %q", args, bad.Text, want)
		}
		if !bad.Usage && args != "--completion=tcsh" || bad.Usage && !strings.Contains(bad.Error(), "usage: ssh [-46") {
			t.Errorf("%q: no usage in %q", args, bad.Error())
		}
	}
}

// One line says what is missing or too much.
func TestActionsThatCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		"--json":         "--json goes with --status",
		"--json h":       "--json goes with --status",
		"--status h":     "takes no destination",
		"h --status":     "takes no destination",
		"--servers h":    "takes no destination",
		"--demo h":       "takes no destination",
		"--doctor":       "--doctor needs a destination",
		"--doctor --udp": "--doctor needs a destination",
	} {
		_, err := Parse(strings.Split(args, " "))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	for _, args := range []string{"--status", "--status --json", "--servers", "--doctor h"} {
		if _, err := Parse(strings.Split(args, " ")); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestActionsEndTheReading(t *testing.T) {
	if c := parse(t, "-V", "-z"); !c.PrintVersion || c.Long {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "-Q", "cipher", "-z"); c.Query != "cipher" {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "--version"); !c.PrintVersion || !c.Long {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "h", "--help", "x"); !c.Help {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "--status", "--json"); !c.Status || !c.JSON || c.Destination != "" {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "--doctor", "h"); !c.Doctor || c.Destination != "h" {
		t.Errorf("%+v", c)
	}
}

func TestFlagsThatAreNoSettings(t *testing.T) {
	c := parse(t, "-E", "log", "-F", "conf", "-G", "h", "-O", "exit", "-vqv")
	if c.LogFile != "log" || c.ConfigFile != "conf" || !c.PrintConfig || c.Control != "exit" || c.Verbosity != 2 || c.Quiet {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "-y", "-vvvv", "-q", "h"); !c.Syslog || !c.Quiet || c.Verbosity != 3 {
		t.Errorf("%+v", c)
	}
}

func TestStdioForwardIsTaken(t *testing.T) {
	c := parse(t, "-W", "[::1]:22", "h")
	if c.StdioForward == nil || c.StdioForward.Host != "::1" || c.StdioForward.Port != 22 {
		t.Errorf("%+v", c.StdioForward)
	}
}

func TestDatagramForwardings(t *testing.T) {
	c := parse(t, "-L", "udp/53:dns:53", "-R", "udp/1:a:2", "-L", "3:b:4", "h")
	var keys []string
	for _, s := range c.Settings {
		keys = append(keys, s.Key+" "+s.Value)
	}
	if want := []string{"UdpLocalForward 53:dns:53", "UdpRemoteForward 1:a:2", "LocalForward 3:b:4"}; !slices.Equal(keys, want) {
		t.Errorf("%q, want %q", keys, want)
	}
}

// What -Q lists is what OpenSSH's has in the same order, less what we lack.
func TestQueriesAnswerInTheFormOfSSH(t *testing.T) {
	ssh := systemSSH(t)
	for _, term := range append(queries, "Ciphers", "MACs", "KexAlgorithms", "HostKeyAlgorithms", "PubkeyAcceptedKeyTypes") {
		out, err := exec.Command(ssh, "-Q", term).Output()
		if err != nil {
			t.Errorf("ssh -Q %s: %v", term, err)
			continue
		}
		theirs := strings.Split(strings.TrimSpace(string(out)), "\n")
		got, err := Answer(term)
		if err != nil || len(got) == 0 && term != "kex-gss" {
			t.Errorf("-Q %s: %q, %v", term, got, err)
		}
		both := slices.DeleteFunc(slices.Clone(theirs), func(n string) bool { return !slices.Contains(got, n) })
		got = slices.DeleteFunc(got, func(n string) bool { return !slices.Contains(theirs, n) })
		if !slices.Equal(got, both) {
			t.Errorf("-Q %s: %q, ssh's order is %q", term, got, both)
		}
	}
	for _, term := range []string{"foo", "", "CIPHER", "cipher,mac"} {
		if _, err := Answer(term); err == nil || err.Error() != `Unsupported query "`+term+`"` {
			t.Errorf("-Q %s: %v", term, err)
		}
	}
}

func TestEveryFlagOfTheManualIsInTheTable(t *testing.T) {
	for _, c := range "46AaCfGgKkMNnqsTtVvXxYyBbcDEeFIiJLlmOoPpQRSWw" {
		if find(string(c)) == nil {
			t.Errorf("-%c is not known", c)
		}
	}
	var help bytes.Buffer
	PrintHelp(&help)
	for line := range strings.Lines(help.String()) {
		if len(line) > 81 {
			t.Errorf("wider than a terminal: %q", line)
		}
	}
	seen := map[string]bool{}
	for i := range flags {
		f := &flags[i]
		if seen[f.name] {
			t.Errorf("%s is there twice", f.dashed())
		}
		seen[f.name] = true
		if !strings.Contains(help.String(), "  "+f.dashed()) || f.help == "" {
			t.Errorf("no help for %s", f.dashed())
		}
		if f.verdict != sshconfig.Works && f.verdict != sshconfig.Ours && f.note == "" {
			t.Errorf("%s: %s, but not why", f.dashed(), f.verdict)
		}
	}
}

func TestTableOfWhatWorksIsUpToDate(t *testing.T) {
	if *update {
		if err := os.WriteFile("COMPAT.md", []byte(Compat()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("COMPAT.md")
	if err != nil || string(text) != Compat() {
		t.Errorf("COMPAT.md is not what the tables say (%v): go test ./client/cli -run UpToDate -update", err)
	}
}

// The manual of the ssh that is here names no keyword that we do not know.
func TestEveryKeywordOfTheManualIsKnown(t *testing.T) {
	known := map[string]bool{}
	for _, k := range sshconfig.Keywords() {
		known[strings.ToLower(k.Name)] = true
		if k.Verdict != sshconfig.Works && k.Verdict != sshconfig.Ours && k.Note == "" {
			t.Errorf("%s: %s, but not why", k.Name, k.Verdict)
		}
	}
	ssh := systemSSH(t)
	out, err := exec.Command(ssh, "-G", "-F", "none", "h").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if key, _, _ := strings.Cut(line, " "); !known[strings.ToLower(key)] {
			t.Errorf("ssh -G prints %s, which is not known here", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-p22 u@h ls")
	f.Add("-W a:1 -L udp/1:b:2 ssh://u@h:3")
	f.Add("--tsshd-path= -- -x")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		c, err := Parse(args)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		if tail := args[len(args)-len(c.Words):]; !slices.Equal(tail, c.Words) {
			t.Fatalf("words %q are not the end of %q", c.Words, args)
		}
	})
}

// TestWayBack has what was said of the host, as a shell takes it.
func TestWayBack(t *testing.T) {
	for line, want := range map[string]string{
		"host":                            "host",
		"bob@host":                        "bob@host",
		"-l ann bob@host":                 "ann@host",
		"ssh://bob@[::1]:77":              "-p 77 bob@::1",
		"-v --udp -p 22 -L 1:h:2 -A host": "-p 22 host",
		"-J a,b -F f -oHostName=h -i k x": "-F f -J a,b -o HostName=h x",
		"-oPort=5 -oUdpMode=yes host":     "-o Port=5 host",
		"d\\b@host ls":                    "'d\\b@host'",
	} {
		c, err := Parse(strings.Split(line, " "))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Way(); got != want {
			t.Errorf("%q: %s, not %s", line, got, want)
		}
	}
}
