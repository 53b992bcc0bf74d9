package sshconfig

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tssh/client/sshconfig/value"
)

// Print writes what ssh -G does: every keyword in lower case with its values, in
// a form that can be read again. Keys of ours are behind the mark that hides
// them from ssh: whoever reads the lines of ssh -G takes them for comments.
func (h *Resolved) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "host %s\nuser %s\nhostname %s\nport %d\n", h.Original, h.User, h.HostName, h.Port)
	for _, k := range keywords {
		h.printKeyword(&b, k)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (h *Resolved) printKeyword(b *strings.Builder, k keyword) {
	name := lower(k.name)
	values := h.values[name]
	switch name {
	case "dynamicforward":
		for _, f := range h.DynamicForward {
			fmt.Fprintf(b, "%s %s\n", name, f.Listen())
		}
		return
	case "localforward", "remoteforward":
		forwards := h.LocalForward
		if name == "remoteforward" {
			forwards = h.RemoteForward
		}
		for _, f := range forwards {
			fmt.Fprintf(b, "%s %s %s\n", name, f.Listen(), f.Connect())
		}
		return
	case "escapechar":
		fmt.Fprintf(b, "%s %s\n", name, shownEscape(values[0]))
		return
	case "canonicalizepermittedcnames":
		name = "canonicalizePermittedcnames" // ssh's own slip, which scripts have seen
	}
	if k.verdict == Ours {
		name = value.Mark + " " + name
	}
	if values == nil || k.style == hidden {
		return
	}
	switch k.style {
	case each:
		for _, v := range values {
			fmt.Fprintf(b, "%s %s\n", name, v)
		}
	case truth:
		values = slices.Clone(values)
		switch values[0] {
		case "yes":
			values[0] = "true"
		case "no":
			values[0] = "false"
		}
		fallthrough
	default:
		fmt.Fprintf(b, "%s %s\n", name, strings.Join(values, " "))
	}
}

// shownEscape writes a control character visibly, as ssh does.
func shownEscape(s string) string {
	if len(s) == 1 && s[0] < ' ' {
		return "\\^" + string(rune(s[0]|0x40))
	}
	return s
}
