package bootstrap

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"tssh/proxy/terms"
)

//go:embed boot.sh
var bootSource string

// Words longer than this some csh refuse ("Word too long").
const maxWord = 900

// bootScript is boot.sh on one line.
func bootScript() string {
	var b strings.Builder
	for line := range strings.Lines(bootSource) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

// commandLine composes what the login shell is given: sh, which joins the
// script from its pieces and runs it with the arguments that it expects.
func commandLine(req Request, places []string) (string, error) {
	skip := ":"
	for _, p := range places {
		name, _, _ := strings.Cut(p, ": ")
		skip += name + ":"
	}
	var pieces []string
	for rest := `b="` + req.Binary.table() + `"; ` + bootScript(); rest != ""; {
		n := min(maxWord, len(rest))
		pieces = append(pieces, rest[:n])
		rest = rest[n:]
	}
	join := `eval "`
	for i := range pieces {
		join += "${" + strconv.Itoa(i+1) + "}"
	}
	// shift happens in the text that eval runs, before boot.sh looks at $1.
	pieces[0] = fmt.Sprintf("shift %d; ", len(pieces)) + pieces[0]
	words := append([]string{"sh", "-c", join + `"`, "sh"}, pieces...)
	words = append(words, req.Offer.String(), req.TsshdPath, skip)
	for rest := terms.HelloWord(req.Hello); rest != ""; {
		n := min(maxWord, len(rest))
		words = append(words, rest[:n])
		rest = rest[n:]
	}
	line, err := quoteAll(words...)
	if err != nil {
		return "", fmt.Errorf("TsshdPath: %w", err)
	}
	// A command behind ours keeps the login shell from becoming ours: its
	// environment is the one that sshd made, which tsshd reads there.
	return line + ";:", nil
}

func quoteAll(words ...string) (string, error) {
	quoted := make([]string, len(words))
	for i, w := range words {
		var err error
		if quoted[i], err = quote(w); err != nil {
			return "", err
		}
	}
	return strings.Join(quoted, " "), nil
}

// quote makes one word of w for sh, bash, zsh, fish and csh alike. Between
// apostrophes all of them leave everything alone but the apostrophe, the
// exclamation mark (csh's history) and the backslash (fish), and all of them
// take these three with a backslash before them outside the apostrophes.
func quote(w string) (string, error) {
	if strings.ContainsAny(w, "\x00\r\n") {
		return "", fmt.Errorf("%q: a line break cannot be passed through every shell", w)
	}
	if w != "" && strings.Trim(w, plainBytes) == "" {
		return w, nil
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(w) {
		switch c := w[i]; c {
		case '\'', '!', '\\':
			b.WriteString(`'\`)
			b.WriteByte(c)
			b.WriteByte('\'')
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String(), nil
}

const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,"
