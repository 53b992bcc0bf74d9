package endpoint

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Forward is one LocalForward, RemoteForward or DynamicForward.
type Forward struct {
	// Listen on BindAddress:BindPort, or on the unix socket BindPath.
	BindAddress string // "": as GatewayPorts says; "*": every address
	BindPort    int    // 0 lets the far side choose (remote only)
	BindPath    string
	// Connect to Host:Port, or to the unix socket Path. All empty: SOCKS.
	Host string
	Port int
	Path string

	empty bool // BindAddress was given as "", which is "*"
}

// ParseForward reads a forwarding as -L, -R and -D have it: words joined by
// colons, of which an address in brackets and a path, which has a "/", are one
// each. Dynamic says that there is only an end to listen on; listen port 0,
// for the far side to choose, is for remote ones.
func ParseForward(spec string, dynamic, remote bool) (Forward, error) {
	bad := fmt.Errorf("bad forwarding %q", spec)
	words, ok := forwardWords(spec)
	if !ok {
		return Forward{}, bad
	}
	var f Forward
	listen, connect := words, []forwardWord(nil)
	switch {
	case dynamic:
	case words[len(words)-1].path:
		connect, listen = words[len(words)-1:], words[:len(words)-1]
	case len(words) >= 2:
		connect, listen = words[len(words)-2:], words[:len(words)-2]
	}
	if !listenEnd(&f, listen) || !dynamic && !connectEnd(&f, connect) {
		return Forward{}, bad
	}
	if f.BindPath == "" && f.BindPort == 0 && !remote {
		return Forward{}, bad
	}
	return f, nil
}

// listenEnd fills in where to listen: a path, a port, or an address and a port.
func listenEnd(f *Forward, words []forwardWord) bool {
	switch {
	case len(words) == 1 && words[0].path:
		f.BindPath = words[0].text
		return true
	case len(words) == 2 && !words[0].path:
		if f.BindAddress = words[0].text; f.BindAddress == "" {
			f.BindAddress, f.empty = "*", true
		}
		words = words[1:]
	case len(words) != 1:
		return false
	}
	f.BindPort = ParsePort(words[0].text)
	return f.BindPort >= 0
}

// connectEnd fills in where to connect: a path, or a host and a port.
func connectEnd(f *Forward, words []forwardWord) bool {
	switch {
	case len(words) == 1 && words[0].path:
		f.Path = words[0].text
		return true
	case len(words) != 2 || words[0].text == "" || words[0].path:
		return false
	}
	f.Host, f.Port = words[0].text, ParsePort(words[1].text)
	return f.Port > 0
}

type forwardWord struct {
	text string
	path bool
}

// forwardWords takes a forwarding apart at its colons. A backslash keeps the
// byte behind it as it is.
func forwardWords(s string) ([]forwardWord, bool) {
	s = strings.TrimLeft(s, " \t")
	var words []forwardWord
	for {
		var w forwardWord
		var b strings.Builder
		if rest, ok := strings.CutPrefix(s, "["); ok {
			inner, after, ok := strings.Cut(rest, "]")
			if !ok || after != "" && after[0] != ':' {
				return nil, false
			}
			w.path = strings.Contains(inner, "/")
			b.WriteString(inner)
			s = after
		} else {
			for ; s != "" && s[0] != ':'; s = s[1:] {
				if s[0] == '\\' && len(s) > 1 {
					s = s[1:]
				}
				w.path = w.path || s[0] == '/'
				b.WriteByte(s[0])
			}
		}
		w.text = b.String()
		words = append(words, w)
		if s == "" {
			return words, true
		}
		s = s[1:]
	}
}

// ParseStdioForward reads the host:port, or the path, of -W.
func ParseStdioForward(spec string) (Forward, error) {
	f, err := ParseForward(spec, true, false)
	if err == nil && f.BindPath == "" && (f.BindAddress == "" || f.empty) {
		err = fmt.Errorf("bad forwarding %q", spec)
	}
	return Forward{Host: f.BindAddress, Port: f.BindPort, Path: f.BindPath}, err
}

// Listen is the end to listen on, as -G prints it.
func (f Forward) Listen() string {
	switch {
	case f.BindPath != "":
		return f.BindPath
	case f.empty:
		return "[]:" + strconv.Itoa(f.BindPort)
	case f.BindAddress != "":
		return "[" + f.BindAddress + "]:" + strconv.Itoa(f.BindPort)
	}
	return strconv.Itoa(f.BindPort)
}

// Connect is the end to connect to, as -G prints it.
func (f Forward) Connect() string {
	switch {
	case f.Path != "":
		return f.Path
	case f.Host == "":
		return "[socks]:0"
	}
	return "[" + f.Host + "]:" + strconv.Itoa(f.Port)
}

// String returns the forwarding as it would be typed behind -L, -R or -D.
func (f Forward) String() string {
	listen := strconv.Itoa(f.BindPort)
	switch {
	case f.BindPath != "":
		listen = f.BindPath
	case f.BindAddress != "":
		listen = net.JoinHostPort(f.BindAddress, listen)
	}
	switch {
	case f.Path != "":
		return listen + ":" + f.Path
	case f.Host == "":
		return listen
	}
	return listen + ":" + net.JoinHostPort(f.Host, strconv.Itoa(f.Port))
}
