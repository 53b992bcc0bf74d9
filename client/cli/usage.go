package cli

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"tssh/client/sshconfig"
	"tssh/proxy/terms"
	"tssh/proxy/visible"
)

// Usage is what ssh says on misuse, with our options behind. Programs read which
// of ssh's options take a value out of it: of every bracket that begins with a
// dash. So what is ours has none.
const Usage = `usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]
           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]
           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]
           [-i identity_file] [-J [user@]host[:port]] [-L address]
           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-P tag]
           [-p port] [-Q query_option] [-R address] [-S ctl_path]
           [-W host:port] [-w local_tun[:remote_tun]]
           destination [command [argument ...]]
       and of its own: --udp --quic --kcp --tcp --tsshd-path=path
           --tsshd-port=ports --attach[=name] --sessions --end=name --status
           --json --doctor --servers --demo --version --help
`

// Release is the version of this program.
const Release = terms.Release

// Version is the line of -V: ours, and the OpenSSH whose options are read, since
// scripts look for that.
func Version() string {
	return fmt.Sprintf("tssh_%s, %s compatible, %s", Release, sshconfig.Compatible, runtime.Version())
}

// PrintVersion writes the version.
func PrintVersion(w io.Writer) error {
	_, err := fmt.Fprintln(w, Version())
	return err
}

// PrintHelp writes every option with a line of what it does.
func PrintHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(Usage)
	b.WriteString("\nAs in ssh(1):\n")
	for _, f := range flags {
		if f.verdict == sshconfig.Ours {
			continue
		}
		b.WriteString(visible.Option(f.typed(), helpLine(f)))
	}
	b.WriteString("\nOurs:\n")
	for _, f := range flags {
		if f.verdict != sshconfig.Ours {
			continue
		}
		b.WriteString(visible.Option(f.typed(), f.help))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func helpLine(f flag) string {
	if f.note == "" {
		return f.help
	}
	return fmt.Sprintf("%s (%s: %s)", f.help, f.verdict, f.note)
}
