package session

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"unicode"
)

// commandHelp is what ~C answers to -h.
const commandHelp = `Commands:
      -L[bind_address:]port:host:hostport    Request local forward
      -R[bind_address:]port:host:hostport    Request remote forward
      -D[bind_address:]port                  Request dynamic forward
      -KL[bind_address:]port                 Cancel local forward
      -KR[bind_address:]port                 Cancel remote forward
      -KD[bind_address:]port                 Cancel dynamic forward
`

// commandLine is ~C: one line read with the terminal in order, and carried out.
func (r *run) commandLine() {
	if !r.host.EnableEscapeCommandline {
		r.print("commandline disabled\r\n")
		return
	}
	if r.Terminal == nil {
		return
	}
	r.Terminal.Restore()
	defer func() {
		if err := r.Terminal.Raw(); err != nil {
			r.Log.Errorf("%v", err)
		}
	}()
	r.print("\r\nssh> ")
	if text := r.command(r.readLine()); text != "" {
		r.print(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\r\n") + "\r\n")
	}
}

// command carries out a line of ~C and returns what to say.
func (r *run) command(line string) string {
	line = strings.TrimLeftFunc(line, unicode.IsSpace)
	line = strings.TrimPrefix(line, "-")
	switch {
	case line == "":
		return ""
	case strings.ContainsRune("hH?", rune(line[0])):
		if r.host.PermitLocalCommand {
			return commandHelp + "      !args                                  Execute local command\n"
		}
		return commandHelp
	case line[0] == '!' && r.host.PermitLocalCommand:
		return r.localCommand(line[1:])
	case r.Forwards == nil:
		return "Invalid command."
	}
	return r.Forwards.Command(line)
}

// readLine reads a line from the terminal, which edits it; "" at its end.
func (r *run) readLine() string {
	var line []byte
	buf := make([]byte, 256)
	for {
		n, err := r.Terminal.Read(buf)
		line = append(line, buf[:n]...)
		if i := bytes.IndexAny(line, "\r\n"); i >= 0 {
			return string(line[:i])
		}
		if err != nil || n == 0 {
			return ""
		}
	}
}

// runLocal runs c on the user's terminal.
func runLocal(c *exec.Cmd) string {
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			return err.Error()
		}
	}
	return ""
}
