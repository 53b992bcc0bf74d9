// Package server is tsshd: the far end of a tssh session. It runs as the user
// who logged in, one process a session, without any privilege, and ends by itself.
package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"tssh/proxy/wire"
	"tssh/server/sftp"
)

// commandLine is what tsshd can be asked for.
type commandLine struct {
	Version kong.VersionFlag `help:"Print the version, and exit."`

	Offer  offering    `cmd:"" name:"offer" help:"Serve one session for the tssh that wrote WORD (tssh does this)."`
	Relay  relaying    `cmd:"" help:"Join stdin and stdout to a session (tssh does this)."`
	Sshd   serving     `cmd:"" help:"Be an SSH server for this user."`
	Sftp   sftpServing `cmd:"" name:"sftp-server" passthrough:"" help:"Serve sftp on stdin and stdout, as OpenSSH's sftp-server does."`
	Verify verifying   `cmd:"" help:"Check that this file is what was sent."`
}

// The exit statuses of tsshd. Bootstrap scripts go on to another copy of tsshd
// after any but the first two.
const (
	exitOK          = 0
	exitCannotServe = 93 // the offer is understood, and another copy could not serve it either
	exitFailure     = 1
	exitUsage       = 2
)

// Main runs tsshd with the arguments after its name and returns its exit status.
func Main(args []string) int {
	// The first word was an option before it was a command, and the copies of
	// tsshd on servers are not all of one age.
	if len(args) > 0 && (args[0] == "--offer" || args[0] == "--verify") {
		args = append([]string{strings.TrimPrefix(args[0], "--")}, args[1:]...)
	}
	var line commandLine
	status := -1
	parser, err := kong.New(&line, kong.Name("tsshd"),
		kong.Description("The far end of tssh, which starts it. It is no daemon: one process serves one session, as the user who logged in."),
		kong.Vars{"version": "tsshd " + wire.Release},
		kong.Exit(func(code int) { status = code }))
	if err != nil {
		return complain(exitFailure, err)
	}
	ctx, err := parser.Parse(args)
	if status >= 0 { // --help or --version did it all
		return status
	}
	if err != nil {
		return complain(exitUsage, fmt.Errorf("%w; see tsshd --help", err))
	}
	switch ctx.Selected().Name {
	case "offer":
		return offer(line.Offer)
	case "relay":
		return relay(line.Relay)
	case "sshd":
		return sshd(line.Sshd)
	case "sftp-server":
		return sftpServer(args[1:]) // as they are: another program's, not ours
	default:
		return verify(line.Verify.Hash)
	}
}

func sftpServer(args []string) int {
	err := sftp.Serve(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout}, args)
	if err != nil {
		return complain(exitFailure, err)
	}
	return exitOK
}

type sftpServing struct {
	Args []string `arg:"" optional:"" help:"As sftp-server(8) takes them: -R, -d DIR."`
}

type verifying struct {
	Hash string `arg:"" help:"SHA-256 of the file, in hex."`
}

// complain says what went wrong and returns status.
func complain(status int, err error) int {
	fmt.Fprintln(os.Stderr, "tsshd: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	return status
}

// verify checks that this very file arrived whole: its SHA-256 in hex is the argument.
func verify(want string) int {
	path, err := os.Executable()
	if err != nil {
		return complain(exitFailure, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return complain(exitFailure, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return complain(exitFailure, fmt.Errorf("read %s: %w", path, err))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return complain(exitFailure, fmt.Errorf("%s is not what was sent: its SHA-256 is %s", path, got))
	}
	return exitOK
}
