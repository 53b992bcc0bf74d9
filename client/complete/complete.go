// Package complete says what may follow at the TAB key: options, their values,
// hosts. The shells' own scripts, which cli prints, only ask it; so what a user
// gets is the same in all of them and comes from the tables that the program
// reads its options by.
package complete

import (
	"net"
	"slices"
	"strings"

	"tssh/client/cli"
	"tssh/client/sshconfig"
)

// Candidate is one way in which a word may go on.
type Candidate struct {
	Word string // whole
	Help string // "" or one line
}

// Files stands alone where a file's name is wanted: shells know them better.
var Files = []Candidate{{Word: ":files"}}

// Source is where names of hosts come from.
type Source struct {
	Home   string // of the user
	System string // the directory of ssh's configuration: /etc/ssh

	// Sessions are the names that a line means of which words are known; nil: none are.
	Sessions func(line []string) []string
	// Behind are the words behind the cursor, as far as the shell tells: the host may be
	// one of them.
	Behind []string
	before []string
}

// Words returns how the last of words, those after the program's name, may go
// on. The remote command is its shell's business: nothing is offered there.
func Words(words []string, from Source) []Candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	before, cur := words[:len(words)-1], words[len(words)-1]
	from.before = before
	host := false
	for i := 0; i < len(before); i++ {
		w := before[i]
		if w == "--" && !host {
			if i+1 < len(before) {
				return nil
			}
			return hosts("", cur, from)
		}
		if !strings.HasPrefix(w, "-") || w == "-" {
			if host {
				return nil // of the remote command
			}
			host = true
			continue
		}
		option, inline := wants(w)
		if option == nil || inline != "" || option.Optional() || strings.Contains(w, "=") && strings.HasPrefix(w, "--") {
			continue
		}
		if i+1 == len(before) {
			from.before = before[:i]
			return argument(option.Name, "", cur, from)
		}
		i++
	}
	if name, v, ok := strings.Cut(cur, "="); ok && strings.HasPrefix(cur, "--") {
		return argument(name, name+"=", v, from)
	}
	if option, inline := wants(cur); option != nil && inline != "" {
		return argument(option.Name, strings.TrimSuffix(cur, inline), inline, from)
	}
	switch {
	case strings.HasPrefix(cur, "-"):
		return options(cur)
	case host:
		return nil
	}
	return hosts("", cur, from)
}

// wants returns the option in a word, or the last of several letters, that takes
// a value, and what of that is in the word itself.
func wants(word string) (option *cli.Option, inline string) {
	all := cli.Options()
	if strings.HasPrefix(word, "--") {
		name, v, _ := strings.Cut(word, "=")
		if i := slices.IndexFunc(all, func(o cli.Option) bool { return o.Name == name && o.Value != "" }); i >= 0 {
			return &all[i], v
		}
		return nil, ""
	}
	if !strings.HasPrefix(word, "-") {
		return nil, ""
	}
	for k := 1; k < len(word); k++ {
		if i := slices.IndexFunc(all, func(o cli.Option) bool { return o.Name == "-"+word[k:k+1] && o.Value != "" }); i >= 0 {
			return &all[i], word[k+1:]
		}
	}
	return nil, ""
}

func options(cur string) (all []Candidate) {
	for _, o := range cli.Options() {
		if o.Verdict != sshconfig.Refused && strings.HasPrefix(o.Name, cur) {
			all = append(all, Candidate{o.Name, o.Help})
		}
	}
	return all
}

// argument completes the value of an option; prefix stands before it in the word.
func argument(option, prefix, cur string, from Source) []Candidate {
	switch option {
	case "-J":
		return hosts(prefix, cur, from)
	case "-W":
		if !strings.Contains(cur, ":") {
			return hosts(prefix, cur, from)
		}
	case "-o":
		key, v, ok := strings.Cut(cur, "=")
		if ok {
			return setting(key, prefix+key+"=", v, from)
		}
		return keywords(prefix, cur)
	case "-c":
		return list(prefix, cur, answer("cipher"))
	case "-m":
		return list(prefix, cur, answer("mac"))
	case "-O":
		return match(prefix, cur, "check", "conninfo", "channels", "forward", "cancel", "exit", "stop", "proxy")
	case "-Q":
		return match(prefix, cur, append(cli.Terms(), "help")...)
	case "-E", "-F", "-i", "-I", "-S", "--tsshd-path":
		if prefix == "" {
			return Files
		}
	case "-B":
		return match(prefix, cur, interfaces()...)
	case "--attach", "--end":
		return match(prefix, cur, from.sessions()...)
	case "--completion":
		return match(prefix, cur, cli.Shells()...)
	}
	return nil
}

func keywords(prefix, cur string) (all []Candidate) {
	for _, k := range cli.Keywords() {
		switch {
		case k.Name == "Host" || k.Name == "Match" || k.Name == "Include" || k.Verdict == sshconfig.Ignored:
		case strings.HasPrefix(strings.ToLower(k.Name), strings.ToLower(cur)):
			help := ""
			if k.Verdict == sshconfig.Ours {
				help = k.Note
			}
			all = append(all, Candidate{prefix + k.Name + "=", help})
		}
	}
	return all
}

// values are those of keywords that take one of a few words, besides those whose
// default is yes or no.
var values = map[string]string{
	"addkeystoagent": "yes no ask confirm", "addressfamily": "any inet inet6", "canonicalizehostname": "yes no always",
	"controlmaster": "yes no ask auto autoask", "controlpersist": "yes no", "fingerprinthash": "sha256 md5",
	"forwardagent": "yes no", "loglevel": "QUIET FATAL ERROR INFO VERBOSE DEBUG DEBUG1 DEBUG2 DEBUG3",
	"pubkeyauthentication": "yes no unbound host-bound", "requesttty": "yes no force auto",
	"sessiontype": "default none subsystem", "stricthostkeychecking": "yes no ask accept-new off",
	"tunnel": "yes no point-to-point ethernet", "updatehostkeys": "yes no ask", "verifyhostkeydns": "yes no ask",
	"udpmode": "no yes QUIC KCP", "udpproxymode": "auto UDP TCP SSH", "obscurekeystroketiming": "yes no",
	"compression": "yes no", "forwardx11": "yes no",
}

// lists are keywords whose values are comma lists of what -Q answers.
var lists = map[string]string{
	"ciphers": "cipher", "macs": "mac", "kexalgorithms": "kex", "hostkeyalgorithms": "key-sig",
	"pubkeyacceptedalgorithms": "key-sig", "casignaturealgorithms": "sig",
}

func setting(key, prefix, cur string, from Source) []Candidate {
	key = strings.ToLower(key)
	if term, ok := lists[key]; ok {
		return list(prefix, cur, answer(term))
	}
	if words, ok := values[key]; ok {
		return match(prefix, cur, strings.Fields(words)...)
	}
	switch key {
	case "proxyjump":
		return hosts(prefix, cur, from)
	case "bindinterface":
		return match(prefix, cur, interfaces()...)
	}
	for _, k := range cli.Keywords() {
		if strings.ToLower(k.Name) == key && (k.Preset == "yes" || k.Preset == "no") {
			return match(prefix, cur, "yes", "no")
		}
	}
	return nil
}

func match(prefix, cur string, words ...string) (all []Candidate) {
	for _, w := range words {
		if strings.HasPrefix(strings.ToLower(w), strings.ToLower(cur)) {
			all = append(all, Candidate{Word: prefix + w})
		}
	}
	return all
}

// list completes the last name of a comma list, which may begin with +, - or ^.
func list(prefix, cur string, words []string) []Candidate {
	if at := strings.LastIndexByte(cur, ','); at >= 0 {
		return match(prefix+cur[:at+1], cur[at+1:], words...)
	}
	if cur != "" && strings.ContainsRune("+-^", rune(cur[0])) {
		return match(prefix+cur[:1], cur[1:], words...)
	}
	return match(prefix, cur, words...)
}

// hosts completes a host, the last of a comma list, behind a user if there is one.
func hosts(prefix, cur string, from Source) []Candidate {
	if at := strings.LastIndexAny(cur, ",@"); at >= 0 {
		prefix, cur = prefix+cur[:at+1], cur[at+1:]
	}
	return match(prefix, cur, from.hosts()...)
}

func answer(term string) []string {
	names, err := cli.Answer(term)
	if err != nil {
		return nil
	}
	return names
}

func interfaces() (names []string) {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}
