package complete

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The test is the program that the shells ask, under its name.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "--complete" {
		Main(os.Args[2:], false, Source{
			Home: os.Getenv("HOME"), System: os.Getenv("HOME") + "/etc",
			Sessions: func(line []string) []string { return []string{"of-" + strings.Join(line, "-")} },
		})
		return
	}
	os.Exit(m.Run())
}

// What a user gets at the TAB key, asked of the shells themselves.
func TestShellsOffer(t *testing.T) {
	from := source(t)
	bin := filepath.Join(from.Home, "bin")
	os.Mkdir(bin, 0o700)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, bin+"/tssh"); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(from.Home, "a file *"), nil, 0o600)
	const want = "alpha\nme@beta\n--kcp\nSSH\n-oUdpMode=\nbeta,gamma\n\na file *\n"
	for shell, ask := range map[string]string{
		// As bash breaks words: at = too.
		"bash": `c() { COMP_LINE=$1; shift; COMP_POINT=${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _tssh tssh "${@: -1}"; echo "${COMPREPLY[@]}"; }
c "tssh al" tssh al; c "tssh me@be" tssh me@be; c "tssh --kc" tssh --kc; c "tssh -o UdpProxyMode=s" tssh -o UdpProxyMode = s
c "tssh -oUdpMo" tssh -oUdpMo; c "tssh -J beta,ga" tssh -J beta,ga; c "tssh host l" tssh host l; c "tssh -i a" tssh -i a
COMP_LINE="tssh -v --attach=x beta ls"; COMP_POINT=17; COMP_WORDS=(tssh -v --attach = x beta ls); COMP_CWORD=3; _tssh tssh ""; echo "${COMPREPLY[@]}"
COMP_LINE="tssh --kcpx"; COMP_POINT=8; COMP_WORDS=(tssh --kcpx); COMP_CWORD=1; _tssh tssh --k; echo "${COMPREPLY[@]}"`,
		"fish": `function c; complete -C "$argv[1]" | string replace -r '\t.*' ''; end
c "tssh al"; c "tssh me@be"; c "tssh --kc"; c "tssh -o UdpProxyMode=s" | string replace 'UdpProxyMode=' ''
c "tssh -oUdpMo"; c "tssh -J beta,ga"; c "tssh host l"; echo; c "tssh -i a"`,
	} {
		path, err := exec.LookPath(shell)
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Errorf("no %s on this machine", shell)
			}
			t.Logf("SKIPPED, not tested at all: no %s", shell)
			continue
		}
		cmd := exec.Command(path, "-c", Script(shell)+ask)
		cmd.Dir = from.Home
		cmd.Env = append(os.Environ(), "HOME="+from.Home, "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		want := want
		if shell == "bash" {
			want += "of--v-beta-ls\n" // the host is behind the cursor
			want += "--kcp\n"         // and a part of the word
		}
		if string(out) != want {
			t.Errorf("%s offers %q, want %q (%v)", shell, out, want, err)
		}
	}
}

func TestScriptsAreValid(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("SKIPPED, not tested at all: no %s", shell)
			continue
		}
		cmd := exec.Command(path, "-n", "/dev/stdin")
		cmd.Stdin = strings.NewReader(Script(shell))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}
