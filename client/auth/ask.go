package auth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
	"tssh/proxy/visible"
)

// Memory is what the user proved to know, kept in memory only, so that a
// login can be made again without asking. It is safe for use by several
// logins.
type Memory struct {
	mu       sync.Mutex // guards what follows
	password string
	has      bool
	answers  []string              // to the questions of the last interaction that was right
	keys     map[string]*loadedKey // opened files, by name
}

// Forget drops all of it.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.password, m.has, m.answers, m.keys = "", false, nil, nil
}

func (m *Memory) remember(password string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.password, m.has = password, true
}

func (m *Memory) recall() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.password, m.has
}

func (m *Memory) rememberAnswers(answers []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers = answers
}

func (m *Memory) recallAnswers() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers
}

func (m *Memory) key(file string) *loadedKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[file]
}

func (m *Memory) keepKey(file string, k *loadedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]*loadedKey{}
	}
	m.keys[file] = k
}

// shownHost is the host as prompts have it.
func (s *authentication) shownHost() string {
	if s.Host.HostKeyAlias != "" {
		return s.Host.HostKeyAlias
	}
	return s.Host.HostName
}

// password returns the method of RFC 4252, section 8.
func (s *authentication) password() func() (outcome, error) {
	tries := 0
	return func() (outcome, error) {
		if tries++; tries > s.Host.NumberOfPasswordPrompts {
			return outcome{}, nil
		}
		if tries > 1 {
			s.Log.Errorf("Permission denied, please try again.")
		}
		password, known := s.Memory.recall()
		if !known || tries > 1 {
			var err error
			if password, err = s.question(fmt.Sprintf("%s@%s's password: ", s.Host.User, s.shownHost()), voice.Secret); err != nil {
				if err == errSilent {
					return outcome{}, nil
				}
				password = "" // as ssh does without a terminal
			}
		}
		if err := s.request("password", ssh.Marshal(&struct {
			Change   bool
			Password string
		}{false, password})); err != nil {
			return outcome{}, err
		}
		return s.passwordAnswer(password)
	}
}

func (s *authentication) passwordAnswer(password string) (outcome, error) {
	for {
		p, err := s.reply()
		if err != nil {
			return outcome{}, err
		}
		if p[0] != msgSpecific {
			o, err := s.judge(p)
			if o.success || o.partial {
				s.Memory.remember(password)
			}
			return o, err
		}
		if password, err = s.changePassword(p); err != nil {
			return outcome{}, err
		}
	}
}

// changePassword answers a server that wants a new one.
func (s *authentication) changePassword(p []byte) (string, error) {
	var m struct {
		Prompt string `sshtype:"60"`
		Rest   []byte `ssh:"rest"` // a language
	}
	if err := ssh.Unmarshal(p, &m); err != nil {
		return "", fmt.Errorf("password change request: %w", err)
	}
	if m.Prompt != "" {
		s.Log.Infof("%s", visible.Text(m.Prompt))
	}
	who := fmt.Sprintf("%s@%s's", s.Host.User, s.shownHost())
	old, err := s.question("Enter "+who+" old password: ", voice.Secret)
	if err != nil {
		return "", err
	}
	for {
		first, err := s.question("Enter "+who+" new password: ", voice.Secret)
		if err != nil {
			return "", err
		}
		second, err := s.question("Retype "+who+" new password: ", voice.Secret)
		if err != nil {
			return "", err
		}
		if first == second {
			return first, s.request("password", ssh.Marshal(&struct {
				Change   bool
				Old, New string
			}{true, old, first}))
		}
		s.Log.Infof("Mismatch; try again, EOF to quit.")
	}
}

// interactive returns the method of RFC 4256.
func (s *authentication) interactive() func() (outcome, error) {
	tries, asked := 0, false
	return func() (outcome, error) {
		if tries++; tries > s.Host.NumberOfPasswordPrompts || tries > 1 && !asked {
			return outcome{}, nil
		}
		if s.Silent && (tries > 1 || s.Memory.recallAnswers() == nil) {
			return outcome{}, nil
		}
		if err := s.request("keyboard-interactive", ssh.Marshal(&struct{ Language, Devices string }{"", s.Host.KbdInteractiveDevices})); err != nil {
			return outcome{}, err
		}
		var given []string
		for {
			p, err := s.reply()
			if err != nil {
				return outcome{}, err
			}
			if p[0] != msgSpecific {
				o, err := s.judge(p)
				if o.success || o.partial {
					s.Memory.rememberAnswers(given)
				}
				return o, err
			}
			asked = true
			answers, err := s.answer(p, len(given))
			if err != nil {
				return outcome{}, err
			}
			given = append(given, answers...)
			b := binary.BigEndian.AppendUint32([]byte{msgInfoResponse}, uint32(len(answers)))
			for _, a := range answers {
				b = append(b, ssh.Marshal(&struct{ S string }{a})...)
			}
			if err := s.c.WritePacket(b); err != nil {
				return outcome{}, err
			}
		}
	}
}

// answer asks the user what the server asks, who has given some answers in
// earlier rounds. Without the user the kept ones are given, each in its place:
// a password is no answer to a later question, which may be shown or logged.
func (s *authentication) answer(p []byte, given int) ([]string, error) {
	var info struct {
		Name        string `sshtype:"60"`
		Instruction string
		Language    string
		Count       uint32
		Prompts     []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(p, &info); err != nil {
		return nil, fmt.Errorf("authentication question: %w", err)
	}
	for _, text := range []string{info.Name, info.Instruction} {
		if text != "" {
			s.Log.Infof("%s", visible.Text(text))
		}
	}
	kept := s.Memory.recallAnswers()
	kept = kept[min(given, len(kept)):]
	answers := []string{}
	rest := bytes.Clone(info.Prompts)
	for i := range min(info.Count, 256) {
		var q struct {
			Prompt string
			Echo   bool
			Rest   []byte `ssh:"rest"`
		}
		if err := ssh.Unmarshal(rest, &q); err != nil {
			return nil, fmt.Errorf("authentication question: %w", err)
		}
		rest = q.Rest
		if s.Silent && int(i) < len(kept) {
			answers = append(answers, kept[i])
			continue
		}
		kind := voice.Secret
		if q.Echo {
			kind = voice.Plain
		}
		a, err := s.question(fmt.Sprintf("(%s@%s) %s", s.Host.User, s.shownHost(), visible.Text(q.Prompt)), kind)
		if err != nil {
			a = "" // as ssh does without a terminal
		}
		answers = append(answers, a)
	}
	return answers, nil
}
