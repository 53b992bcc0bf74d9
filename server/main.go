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

	"tssh/proxy/wire"
	"tssh/server/sftp"
)

const usage = `usage: tsshd --offer WORD [--log FILE]   serve one session for the tssh that wrote WORD (tssh does this)
       tsshd relay SOCKET [PID]          join stdin and stdout to a session (tssh does this)
       tsshd sshd [--listen ADDR] ...    be an SSH server for this user; see tsshd sshd --help
       tsshd sftp-server [-R] [-d DIR]   serve sftp on stdin and stdout, as OpenSSH's does
       tsshd --verify HASH               check that this file is what was sent
       tsshd --version | --help
`

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
	if len(args) == 0 {
		io.WriteString(os.Stderr, usage)
		return exitUsage
	}
	switch args[0] {
	case "--offer":
		return offer(args[1:])
	case "relay":
		return relay(args[1:])
	case "sshd":
		return sshd(args[1:])
	case "sftp-server":
		return sftpServer(args[1:])
	case "--verify":
		return verify(args[1:])
	case "--version":
		fmt.Println("tsshd " + wire.Release)
		return exitOK
	case "--help", "-h":
		fmt.Print(usage)
		return exitOK
	}
	fmt.Fprintf(os.Stderr, "tsshd: unknown argument %q\n%s", args[0], usage)
	return exitUsage
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

// complain says what went wrong and returns status.
func complain(status int, err error) int {
	fmt.Fprintln(os.Stderr, "tsshd: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	return status
}

// verify checks that this very file arrived whole: its SHA-256 in hex is the argument.
func verify(args []string) int {
	if len(args) != 1 {
		io.WriteString(os.Stderr, usage)
		return exitUsage
	}
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
	if got := hex.EncodeToString(h.Sum(nil)); got != args[0] {
		return complain(exitFailure, fmt.Errorf("%s is not what was sent: its SHA-256 is %s", path, got))
	}
	return exitOK
}
