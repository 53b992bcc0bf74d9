package policy

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxDepth bounds Include, as sshd does.
const maxDepth = 16

// Load reads a configuration for a login. Lines of sshd's command line (-o) stand
// before it. What can't be read or understood is left out, and the error, when
// there is one, names it: the policy is usable all the same.
func Load(file string, who Login, before ...string) (*Policy, error) {
	r := reader{who: who, dir: includeDir()}
	for _, l := range before {
		keyword, rest := splitKeyword(l)
		if err := r.line(keyword, rest, maxDepth, new(scope)); err != nil {
			r.note(fmt.Errorf("sshd -o %s: %w", l, err))
		}
	}
	p := defaults()
	if err := r.file(file, 0, scope{}); err != nil {
		p = Careful()
		r.note(fmt.Errorf("read sshd's configuration: %w", err))
	}
	r.global.applyTo(p)
	if !p.useDNS {
		r.who.Name = nil
	}
	r.matching = true // only now, since UseDNS may stand behind what asks for a name
	r.file(file, 0, scope{})
	r.matched.applyTo(p)
	if p.disableAll {
		p.Confine()
	}
	return p, errors.Join(r.trouble...)
}

// reader collects the settings that hold for one login. What a matching Match
// block says overrules what stands outside; in each, the first value wins.
type reader struct {
	who             Login
	dir             string // of relative names
	matching        bool   // the second time, for the Match blocks
	global, matched settings
	trouble         []error
}

// note keeps what is wrong, once: files are read twice.
func (r *reader) note(err error) {
	if err != nil && !slices.ContainsFunc(r.trouble, func(e error) bool { return e.Error() == err.Error() }) {
		r.trouble = append(r.trouble, err)
	}
}

// scope is where a line stands.
type scope struct {
	inMatch  bool
	inactive bool // the Match line didn't match
}

func (r *reader) file(name string, depth int, s scope) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		keyword, rest := splitKeyword(lines.Text())
		if keyword == "" {
			continue
		}
		if err := r.line(keyword, rest, depth, &s); err != nil {
			r.note(fmt.Errorf("%s line %d: %w", name, n, err))
		}
	}
	return lines.Err()
}

func (r *reader) line(keyword, rest string, depth int, s *scope) error {
	args, err := splitArgs(rest)
	if err != nil {
		return fmt.Errorf("%s: %w", keyword, err)
	}
	switch {
	case keyword == "match":
		// The first time only "all" applies, which brings lines for everybody behind a block.
		applies, ok := isAll(args), true
		if r.matching {
			applies, ok = r.who.matchLine(args)
		}
		s.inMatch, s.inactive = true, !applies
		if !ok {
			return fmt.Errorf("match: %q is not understood", rest)
		}
	case s.inactive:
	case keyword == "include":
		return r.include(args, depth, *s)
	case !r.matching:
		r.global.add(keyword, rest, args)
	case s.inMatch && !globalOnly(keyword):
		r.matched.add(keyword, rest, args)
	}
	return nil
}

// include reads other files; a Match line in them ends with their last line.
func (r *reader) include(patterns []string, depth int, s scope) error {
	if depth >= maxDepth {
		return errors.New("include: too deep")
	}
	var trouble []error
	for _, pattern := range patterns {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(r.dir, pattern)
		}
		names, err := globFiles(pattern)
		if err != nil {
			trouble = append(trouble, fmt.Errorf("include %s: %w", pattern, err))
		}
		for _, name := range names {
			err := r.file(name, depth+1, s)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				trouble = append(trouble, fmt.Errorf("include: %w", err))
			}
		}
	}
	return errors.Join(trouble...)
}

// blanks are those of sshd's lines.
const blanks = " \t\r\n"

// splitKeyword cuts a line after its first word, in lower case.
func splitKeyword(line string) (keyword, rest string) {
	line = strings.TrimLeft(strings.TrimRight(line, blanks+"\f"), blanks)
	if line == "" || line[0] == '#' {
		return "", ""
	}
	if line[0] == '"' { // then no "=" is passed over
		keyword, rest, _ = strings.Cut(line[1:], `"`)
		return strings.ToLower(keyword), strings.TrimLeft(rest, blanks)
	}
	end := strings.IndexAny(line, blanks+`="`)
	if end < 0 {
		return strings.ToLower(line), ""
	}
	keyword, rest = line[:end], strings.TrimLeft(line[end:], blanks)
	if after, ok := strings.CutPrefix(rest, "="); ok { // one is allowed
		rest = strings.TrimLeft(after, blanks)
	}
	return strings.ToLower(keyword), rest
}

// splitArgs splits the words of a line: quotes of both kinds group, a backslash
// escapes quotes and itself, and # at the start of a word ends the line.
func splitArgs(s string) ([]string, error) {
	var args []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return args, nil
		}
		var word strings.Builder
		var quote byte
		i := 0
	letters:
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case c == '\\' && i+1 < len(s) && escapes(s[i+1], quote):
				i++
				word.WriteByte(s[i])
			case quote == 0 && (c == ' ' || c == '\t'):
				break letters
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote != 0 && c == quote:
				quote = 0
			default:
				word.WriteByte(c)
			}
		}
		if quote != 0 {
			return nil, errors.New("a quote is not closed")
		}
		args = append(args, word.String())
		s = s[i:]
	}
}

func escapes(c, quote byte) bool {
	return c == '\'' || c == '"' || c == '\\' || quote == 0 && c == ' '
}
