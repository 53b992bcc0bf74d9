package session

import (
	"os"
	"runtime"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terminfo"
)

// keepTerminfo puts the description of the client's terminal where programs find
// it, unless they find one already. A login that may have no terminal, or runs one
// command and nothing of the client's choice, writes no file here either.
func (s *session) keepTerminfo(payload []byte) bool {
	var e terminfo.Entry
	if !s.cfg.Policy.TTY || s.cfg.Policy.Forced() != "" || runtime.GOOS == "windows" || ssh.Unmarshal(payload, &e) != nil {
		return false
	}
	kept, err := e.Keep(os.Getenv, s.cfg.Login.Home)
	if err != nil {
		s.cfg.Logf("session: %v", err)
	}
	return kept
}
