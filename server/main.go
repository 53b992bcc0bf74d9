// Package server is tsshd: the far end of a tssh session. It runs as the user
// who logged in, one process a session, without any privilege, and ends by itself.
package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tssh/proxy/terms"
	"tssh/server/sftp"
	"tssh/server/tags"
)

// Main runs tsshd with the arguments after its name and returns its exit status.
func Main(args []string) int {
	// The first word was an option before it was a command, and the copies of
	// tsshd on servers are not all of one age; tssh has an option --sessions.
	if len(args) > 0 && (args[0] == "--"+terms.CommandOffer || args[0] == "--"+terms.CommandVerify || args[0] == "--sessions") {
		args = append([]string{strings.TrimPrefix(args[0], "--")}, args[1:]...)
	}
	if len(args) == 0 {
		return complain(terms.ExitUsage, errors.New("no command is given; see tsshd --help"))
	}
	if serves(args) {
		return serveOffer(args[1], args[3], args[4])
	}
	switch args[0] {
	case "--help", "-h", "help":
		return printed(printHelp(os.Stdout, Commands()...))
	case "--complete", "--complete-new": // the script of "tssh --completion" asks
		return printed(complete(os.Stdout, args[1:], args[0] == "--complete-new"))
	case "--version", "-V":
		_, err := fmt.Println("tsshd " + terms.Release)
		return printed(err)
	}
	c := find(args[0])
	if c == nil {
		return complain(terms.ExitUsage, fmt.Errorf("there is no command %q; see tsshd --help", args[0]))
	}
	if c.Name == "sftp-server" { // its arguments are another program's, not ours
		return sftpServer(args[1:])
	}
	if slices.Contains(args[1:], "--help") || slices.Contains(args[1:], "-h") {
		return printed(printHelp(os.Stdout, *c))
	}
	var line commandLine
	if err := tags.Read(&line, args); err != nil {
		return complain(terms.ExitUsage, fmt.Errorf("%w; see tsshd --help", err))
	}
	switch c.Name {
	case terms.CommandOffer:
		return offer(line.Offer)
	case terms.CommandRelay:
		return relay(line.Relay)
	case "sessions":
		return listSessions(line.Sessions)
	case "sshd":
		if tags.Sent { // none of these is started as one, and it is no small part
			return complain(terms.ExitUsage, errors.New("this copy, which tssh sent, is no SSH server; install tsshd"))
		}
		return sshd(line.Sshd)
	default:
		return verify(line.Verify.Hash)
	}
}

func printed(err error) int {
	if err != nil {
		return complain(terms.ExitFailure, err)
	}
	return terms.ExitOK
}

func sftpServer(args []string) int {
	err := sftp.Serve(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout}, args)
	if err != nil {
		return complain(terms.ExitFailure, err)
	}
	return terms.ExitOK
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
		return complain(terms.ExitFailure, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return complain(terms.ExitFailure, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return complain(terms.ExitFailure, fmt.Errorf("read %s: %w", path, err))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return complain(terms.ExitFailure, fmt.Errorf("%s is not what was sent: its SHA-256 is %s", path, got))
	}
	return terms.ExitOK
}
