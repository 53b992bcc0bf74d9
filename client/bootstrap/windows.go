package bootstrap

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
)

// A server of Windows has no sh, and its login shell, cmd or PowerShell, passes
// nothing on as it is. So each step is a command of its own, in words that both
// take alike, and the program comes by sftp, into a directory of the user's
// profile: there a login begins, and only the user may write.

// isWindows tells by its greeting whether an SSH server runs on Windows. A login
// shell there may still be sh, so that is tried first.
func isWindows(client *ssh.Client) bool {
	return strings.Contains(strings.ToLower(string(client.ServerVersion())), "windows")
}

// plainWindows are what needs no quotes in cmd and PowerShell.
const plainWindows = plainBytes + `\~`

// startWindows is Start where there is no sh.
func startWindows(ctx context.Context, client *ssh.Client, req Request) (Started, error) {
	stop := context.AfterFunc(ctx, func() { client.Close() })
	defer stop()
	var tried []string
	run := func(program string) (Started, bool) {
		started, err := greetWindows(client, program, req)
		if err != nil {
			req.Logf("bootstrap: %v", err)
			tried = append(tried, err.Error())
		}
		return started, err == nil
	}
	if req.TsshdPath != "" {
		if started, ok := run(req.TsshdPath); ok {
			return started, nil
		}
	}
	arch := windowsArch(client, req)
	program := req.Binary.windows(arch)
	if program != nil {
		is, err := program.sum()
		if err != nil {
			return Started{}, err
		}
		dir := ".cache/tssh/" + is.hash
		place := strings.ReplaceAll(dir, "/", `\`) + `\tsshd.exe`
		there, err := sendWindows(client, dir, program, req)
		if err != nil {
			tried = append(tried, fmt.Sprintf("send tsshd to %s: %v", dir, err))
		} else if started, ok := run(place); ok {
			return started, nil
		} else if there {
			req.Logf("bootstrap: %s was there already", place)
		}
	}
	if started, ok := run("tsshd"); ok {
		return started, nil
	}
	why := ""
	if program == nil {
		why = ", and this tssh has none for it here"
	}
	return Started{}, fmt.Errorf("no tsshd on the server, a Windows %s%s; tried %s; install tsshd there, or name one by TsshdPath",
		arch, why, strings.Join(tried, "; "))
}

// windows returns the build for Windows on a machine, or nil.
func (b *Binary) windows(arch string) *build {
	if b == nil {
		return nil
	}
	i := slices.IndexFunc(b.builds, func(o *build) bool { return o.os == "windows" && o.arch == arch })
	if i < 0 {
		return nil
	}
	return b.builds[i]
}

// windowsArch asks for the machine, in Go's words.
func windowsArch(client *ssh.Client, req Request) string {
	out := ask(client, "cmd /c echo tssh-machine %PROCESSOR_ARCHITECTURE%", req.Patience.Step)
	_, machine, _ := strings.Cut(out, "tssh-machine ")
	switch word, _, _ := strings.Cut(strings.TrimSpace(machine), "\n"); strings.ToUpper(strings.TrimSpace(word)) {
	case "AMD64":
		return "amd64"
	case "ARM64":
		return "arm64"
	}
	return "of an unknown machine"
}

// ask runs a command and returns the beginning of what it printed.
func ask(client *ssh.Client, line string, limit time.Duration) string {
	s, err := client.NewSession()
	if err != nil {
		return ""
	}
	defer s.Close()
	defer time.AfterFunc(limit, func() { s.Close() }).Stop()
	out, err := s.StdoutPipe()
	if err != nil || s.Start(line) != nil {
		return ""
	}
	text, _ := io.ReadAll(io.LimitReader(out, 4<<10))
	return string(text)
}

// sendWindows puts the program there, unless it is, under a name of its own
// until it is whole.
func sendWindows(client *ssh.Client, dir string, program *build, req Request) (there bool, err error) {
	data, size, _, err := program.open(false)
	if err != nil {
		return false, err
	}
	defer data.Close()
	c, err := sftp.NewClient(client)
	if err != nil {
		return false, err
	}
	defer c.Close()
	file := path.Join(dir, "tsshd.exe")
	whole := func() bool { // tsshd itself says by its version whether it is ours
		info, err := c.Stat(file)
		return err == nil && info.Size() == size
	}
	if whole() {
		return true, nil
	}
	if err := c.MkdirAll(dir); err != nil {
		return false, err
	}
	part := file + "." + rand.Text() // of this login: another may send it too
	f, err := c.Create(part)
	if err != nil {
		return false, err
	}
	bar := newBar(req, dir, size)
	defer bar.end()
	_, err = io.Copy(f, io.TeeReader(data, writerFunc(func(p []byte) (int, error) { return len(p), bar.add(len(p)) })))
	if err := errors.Join(err, f.Close()); err != nil {
		c.Remove(part)
		return false, err
	}
	if err := c.Rename(part, file); err == nil {
		return false, nil
	}
	if whole() { // another login was first
		c.Remove(part)
		return true, nil
	}
	c.Remove(file) // half of it, from an earlier time
	if err = c.Rename(part, file); err != nil {
		c.Remove(part)
	}
	return false, err
}

// greetWindows starts a program that may be tsshd, and reads its greeting.
func greetWindows(client *ssh.Client, program string, req Request) (Started, error) {
	if strings.Trim(program, plainWindows) != "" {
		return Started{}, fmt.Errorf("%s: a name with blanks or signs can't be passed through every shell of Windows", shorten(program))
	}
	s, err := client.NewSession()
	if err != nil {
		return Started{}, err
	}
	defer s.Close()
	defer time.AfterFunc(req.Patience.Step, func() { s.Close() }).Stop()
	out, err := s.StdoutPipe()
	if err != nil {
		return Started{}, err
	}
	t := talk{}
	s.Stderr = &t.stderr
	// Quotes keep PowerShell from making a list of what has commas.
	if err := s.Start(program + " --" + terms.CommandOffer + ` "` + req.Offer.String() + `"`); err != nil {
		return Started{}, err
	}
	lines := bufio.NewReaderSize(io.LimitReader(out, 2*maxLine), maxLine)
	for {
		line, end := lines.ReadSlice('\n')
		g, found, err := terms.FindGreeting(line)
		if found && err == nil {
			return Started{Greeting: g, Path: program, windows: true}, nil
		}
		if end != nil && !errors.Is(end, bufio.ErrBufferFull) {
			s.Wait() // all of stderr is there then
			if t.complaints() != cannotServe {
				return Started{}, fmt.Errorf("%s%s", shorten(program), t.complaints())
			}
			return Started{}, fmt.Errorf("%s ended without a greeting", shorten(program))
		}
	}
}

// relayWindows is RelayCommand for cmd and PowerShell.
func (s Started) relayWindows() (string, error) {
	line := fmt.Sprintf("%s %s %s %d", s.Path, terms.CommandRelay, s.Relay, s.PID)
	if strings.Trim(line, plainWindows+" ") != "" || strings.Count(line, " ") != 3 {
		return "", fmt.Errorf("relay command: %q can't be passed through every shell of Windows", s.Relay)
	}
	return line, nil
}
