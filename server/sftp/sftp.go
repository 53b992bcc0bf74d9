// Package sftp is the sftp server for hosts that have none. OpenSSH's own is
// preferred wherever there is one: it knows more extensions, and its users know it.
package sftp

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"

	"github.com/pkg/sftp"
)

// Serve serves the client at rwc until it ends. The arguments are those of
// OpenSSH's sftp-server; one whose restriction can't be kept is refused.
func Serve(rwc io.ReadWriteCloser, args []string) error {
	flags := flag.NewFlagSet("sftp-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	readOnly := flags.Bool("R", false, "")
	dir := flags.String("d", "", "")
	mask := flags.String("u", "", "")
	flags.String("f", "", "") // where and what to log
	flags.String("l", "", "")
	flags.Bool("e", false, "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	if *mask != "" {
		m, err := strconv.ParseUint(*mask, 8, 9)
		if err != nil {
			return fmt.Errorf("sftp: umask %q is no octal number", *mask)
		}
		umask(int(m))
	}
	var options []sftp.ServerOption
	if *readOnly {
		options = append(options, sftp.ReadOnly())
	}
	if *dir != "" {
		options = append(options, sftp.WithServerWorkingDirectory(*dir))
	}
	server, err := sftp.NewServer(rwc, options...)
	if err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("sftp: %w", err)
	}
	return nil
}
