package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tssh/server/logins"
	"tssh/server/policy"
)

// daemon is how the sshd that let us in was told what to permit.
type daemon struct {
	file  string   // its configuration
	lines []string // given by -o: they stand before those of the file

	relative string // the file as it was given, where nothing tells to what
	foreign  bool   // the programs that we come from are to be seen, and none is sshd
}

// maxAncestors bounds the way up to sshd.
const maxAncestors = 32

// findDaemon looks for the command line of the sshd whose child pid is. One that
// listens has it in its title. One that inetd, sudo or the like has started
// ("sshd -i") writes over its own; that of who started it may still show it.
//
// Only processes of root and of ours are looked at. So nobody else can point us
// to a file of theirs; and the user, who can, could as well run another program
// in our place.
func findDaemon(pid int) daemon {
	inside, above, seen := false, false, false // sshd's own processes; what started them; any
	for range maxAncestors {
		p := process(pid)
		d, ok := p.daemon()
		ok = ok && (p.uid == 0 || p.uid == os.Getuid())
		seen = seen || p.title != ""
		serves := strings.HasPrefix(p.title, "sshd") && !ok
		switch {
		case ok:
			if !filepath.IsAbs(d.file) {
				d.file, d.relative = whole(pid, d.file)
			}
			return d
		case serves && above: // the login in which somebody called an sshd of their own
			return daemon{file: policy.SystemFile()}
		case serves:
			inside = true
		case inside:
			above = true
		}
		if pid = p.parent; pid <= 1 {
			break
		}
	}
	return daemon{file: policy.SystemFile(), foreign: seen && !inside}
}

// whole gives the path that an sshd, process pid, began to read as file: from where
// it was started. It goes to the root directory afterwards, and its title mostly
// lies over the environment that tells, or is another user's. Where it can't be
// known this is a file that is most likely missing, and then little is permitted;
// another is never taken.
func whole(pid int, file string) (path, unknown string) {
	environ, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	for v := range strings.SplitSeq(string(environ), "\x00") {
		if dir, ok := strings.CutPrefix(v, "PWD="); ok && filepath.IsAbs(dir) {
			return filepath.Join(dir, file), ""
		}
	}
	return filepath.Join("/", file), file
}

// ancestor is what /proc tells of a process, where there is one.
type ancestor struct {
	title  string // or the command line, with spaces between its words
	parent int
	uid    int // -1: not known
}

func process(pid int) ancestor {
	p := ancestor{uid: -1}
	p.title = strings.ReplaceAll(logins.Proc(pid, "cmdline"), "\x00", " ")
	for line := range strings.Lines(logins.Proc(pid, "status")) {
		switch name, value, _ := strings.Cut(line, ":"); name { // a Sscanf of each line costs 100 KB
		case "PPid":
			fmt.Sscan(value, &p.parent)
		case "Uid":
			fmt.Sscan(value, &p.uid)
		}
	}
	return p
}

// daemon reads the command line of an sshd in the title of a process.
func (p ancestor) daemon() (d daemon, ok bool) {
	title, _, listens := strings.Cut(p.title, " [listener]")
	listens = listens && strings.HasPrefix(title, "sshd: ")
	words := strings.Fields(strings.TrimPrefix(title, "sshd: "))
	for i, w := range words {
		// As "/usr/sbin/sshd", or in socat's "EXEC:/usr/sbin/sshd", or what is put
		// around it, as "/usr/local/sbin/sshd-with-logs.sh", with options or with
		// sshd and its options behind.
		w = w[strings.LastIndexAny(w, "/:")+1:]
		if w != "sshd" && !strings.HasPrefix(w, "sshd-") {
			continue
		}
		if d, inetd := sshdArgs(words[i+1:]); inetd || listens {
			return d, true
		}
	}
	return daemon{}, false
}

// sshdArgs reads sshd's options.
func sshdArgs(words []string) (d daemon, inetd bool) {
	d.file = policy.SystemFile()
	for i := 0; i < len(words) && strings.HasPrefix(words[i], "-"); i++ {
		letters := words[i][1:]
		at := strings.IndexAny(letters, "CEbcfghkopu") // those that take a value
		if at < 0 {
			at = len(letters)
		}
		inetd = inetd || strings.Contains(letters[:at], "i")
		if at == len(letters) {
			continue
		}
		value := letters[at+1:]
		if value == "" && i+1 < len(words) {
			i++
			value = words[i]
		}
		switch letters[at] {
		case 'f':
			if value = strings.Trim(value, `"';`); value != "" {
				d.file = value
			}
		case 'o': // has lost its quotes; sshd takes no words but options, so it goes on to the next
			for ; i+1 < len(words) && !strings.HasPrefix(words[i+1], "-"); i++ {
				value += " " + words[i+1]
			}
			d.lines = append(d.lines, strings.Trim(value, `"'`))
		}
	}
	return d, inetd
}
