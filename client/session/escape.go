package session

import (
	"fmt"
	"strings"

	"tssh/proxy/visible"
)

// The escapes that ssh knows, and below them those of ours.
const (
	escapeCommands = ".\x1aBCRVv#&?"
	escapeInfo     = 'I' // ssh's too, but of 10.3 and later
	escapeStatus   = 's'
	escapeCut      = '!'
	escapeDetach   = 'd'
)

// escapes finds escape sequences in what is typed. It holds back an escape
// character after a newline until the next byte tells what it means.
type escapes struct {
	char         int    // -1: none
	ownEscapes   string // commands besides ssh's
	afterNewline bool
	pending      bool
}

// next takes bytes of p up to the first command: send are those for the far
// side, command is 0 when p was used up, rest is what follows the command.
func (e *escapes) next(p []byte) (send []byte, command byte, rest []byte) {
	if e.char < 0 {
		return p, 0, nil
	}
	send = make([]byte, 0, len(p)+1)
	for i, c := range p {
		if e.pending {
			e.pending = false
			if strings.IndexByte(escapeCommands, c) >= 0 || strings.IndexByte(e.ownEscapes, c) >= 0 {
				return send, c, p[i+1:]
			}
			if int(c) != e.char {
				send = append(send, byte(e.char))
			}
		} else if e.afterNewline && int(c) == e.char {
			e.pending = true
			continue
		}
		e.afterNewline = c == '\r' || c == '\n'
		send = append(send, c)
	}
	return send, 0, nil
}

// ownEscapes are the escapes beyond ssh's that this session has.
func (r *run) ownEscapes() string {
	s := ""
	if r.Info != nil {
		s += string(escapeInfo)
	}
	if r.Status != nil {
		s += string(escapeStatus)
	}
	if r.Cut != nil {
		s += string(escapeCut)
	}
	if r.Name != "" {
		s += string(escapeDetach)
	}
	return s
}

// escape does what an escape asks for. It returns false when the session ends.
func (r *run) escape(command byte) bool {
	name := r.escapeName()
	switch command {
	case '.':
		r.print(name + ".\r\n")
		r.giveUp()
		return false
	case 0x1a:
		r.print(name + "^Z [suspend ssh]\r\n")
		r.suspend()
	case 'B':
		r.print(name + "B\r\n")
		r.sendBreak()
	case 'C':
		r.commandLine()
	case 'R':
		r.rekey()
	case 'V', 'v':
		r.verbosity(command)
	case '#':
		r.print(name + "#\r\n" + r.connections())
	case '&':
		return r.background()
	case '?':
		r.print(name + "?\r\n" + r.help())
	case escapeInfo:
		r.print(name + "I\r\n" + strings.Join(append(r.Info(), ""), "\r\n"))
	case escapeStatus:
		r.print(name + "s\r\n" + strings.Join(append(r.Status(), ""), "\r\n"))
	case escapeDetach:
		r.print(name + "d\r\n")
		r.detach()
		return false
	case escapeCut:
		r.print(name + "! [" + r.Cut() + "]\r\n")
	}
	return true
}

// suspend is ^Z for tssh itself.
func (r *run) suspend() {
	if r.Terminal == nil {
		return
	}
	if err := r.Terminal.Suspend(); err != nil {
		r.print(err.Error() + "\r\n")
	}
	r.windowChange()
}

// print shows text of ours amid the session's; a server's words may be in it.
func (r *run) print(text string) {
	text = visible.Text(text)
	if r.screen != nil {
		r.screen.print([]byte(text))
		return
	}
	fmt.Fprint(r.Stderr, text)
}

// escapeChar is -1 for none.
func (r *run) escapeChar() int {
	if r.Guest != nil {
		return r.Guest.Escape
	}
	return r.host.EscapeChar
}

// escapeName is how the escape character is shown.
func (r *run) escapeName() string {
	c := r.escapeChar()
	if c < 0x20 {
		return "^" + string(rune(c+0x40))
	}
	return string(rune(c))
}

func (r *run) verbosity(command byte) {
	if r.Verbose == nil {
		r.print(fmt.Sprintf("%s%c [Logging to syslog]\r\n", r.escapeName(), command))
		return
	}
	step := 1
	if command == 'V' {
		step = -1
	}
	r.print(fmt.Sprintf("%s%c [LogLevel %s]\r\n", r.escapeName(), command, r.Verbose(step)))
}

func (r *run) rekey() {
	if r.Rekey == nil {
		r.print(r.escapeName() + "R [keys are renewed without being asked]\r\n")
		return
	}
	if err := r.Rekey(); err != nil {
		r.print(fmt.Sprintf("%sR [%v]\r\n", r.escapeName(), err))
	}
}

// help is the text of ~?.
func (r *run) help() string {
	var b strings.Builder
	b.WriteString("Supported escape sequences:\r\n")
	e := r.escapeName()
	line := func(keys, what string) {
		fmt.Fprintf(&b, " %s%-3s - %s\r\n", e, keys, what)
	}
	line(".", "terminate connection (and any multiplexed sessions)")
	if r.Name != "" {
		line("d", "leave, and let the session run: tssh --attach comes back to it")
	}
	line("B", "send a BREAK to the remote system")
	if r.host.EnableEscapeCommandline {
		line("C", "open a command line")
	}
	if r.Info != nil {
		line("I", "show connection information")
	}
	line("R", "request rekey")
	line("V/v", "decrease/increase verbosity (LogLevel)")
	line("^Z", "suspend ssh")
	line("#", "list forwarded connections")
	line("&", "background ssh (when waiting for connections to terminate)")
	if r.Status != nil {
		line("s", "show the state of the connection")
	}
	if r.Cut != nil {
		line("!", "cut or restore the network (demonstration)")
	}
	line("?", "this message")
	line(e, "send the escape character by typing it twice")
	b.WriteString("(Note that escapes are only recognized immediately after newline.)\r\n")
	return b.String()
}

// connections is the text of ~#.
func (r *run) connections() string {
	var b strings.Builder
	b.WriteString("The following connections are open:\r\n")
	fmt.Fprintf(&b, "  #0 client-session (t4 [session])\r\n")
	if r.Forwards != nil {
		for _, l := range r.Forwards.Lines() {
			b.WriteString("  " + l + "\r\n")
		}
	}
	return b.String()
}
