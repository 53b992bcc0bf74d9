package main

import (
	"fmt"
	"strings"

	"tssh/client/cli"
	"tssh/client/sshconfig"
	"tssh/server"
)

// The manual pages are made of the tables that the programs read their options
// by, in mdoc, which mandoc and groff know.

func mdoc(date, title, section, name, about string) *strings.Builder {
	var b strings.Builder
	fmt.Fprintf(&b, ".Dd %s\n.Dt %s %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", date, title, section, name, text(about))
	return &b
}

// text makes roff of plain text: no line may begin with a dot or an apostrophe,
// a backslash is no escape, and a dash is a dash.
func text(s string) string {
	s = strings.ReplaceAll(s, ". ", ".\n") // a sentence a line
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// arg is text as one word of a macro's line.
func arg(s string) string {
	return `"` + strings.ReplaceAll(text(s), `"`, `\(dq`) + `"`
}

func manTssh(date string) string {
	b := mdoc(date, "TSSH", "1", "tssh", "remote shell that outlives its network")
	b.WriteString(`.Sh SYNOPSIS
.Nm
.Op Ar options
.Op Fl \-udp | \-quic | \-kcp | \-tcp
.Ar destination
.Op Ar command Op Ar argument ...
.Nm
.Fl \-status Op Fl \-json
.Nm
.Fl \-doctor
.Ar destination
.Nm
.Fl \-servers
.Sh DESCRIPTION
.Nm
takes the place of
.Xr ssh 1 :
it has the same options, configuration, prompts and exit statuses.
With
.Fl \-udp
a session lives until its user ends it: it survives changed networks, closed laptops and days offline.
It brings its server,
.Xr tsshd 8 ,
along, so that nothing needs to be installed there.
.Sh OPTIONS
Those of
.Xr ssh 1 :
.Bl -tag -width Ds
`)
	ours := false
	for _, o := range cli.Options() {
		if o.Verdict == sshconfig.Ours && !ours {
			ours = true
			b.WriteString(".El\n.Pp\nOur own:\n.Bl -tag -width Ds\n")
		}
		b.WriteString(".It Fl " + text(strings.TrimPrefix(o.Name, "-")))
		switch {
		case o.Optional():
			b.WriteString(" Ns Oo Ns = Ns Ar name Oc")
		case o.Value != "":
			b.WriteString(" Ar " + arg(o.Value))
		}
		b.WriteString("\n" + text(sentence(o.Help)) + "\n")
		if o.Note != "" {
			b.WriteString(text(sentence(string(o.Verdict)+": "+o.Note)) + "\n")
		}
	}
	b.WriteString(`.El
.Sh ESCAPE CHARACTERS
As in
.Xr ssh 1 ,
and in a session over UDP:
.Bl -tag -width Ds
.It Cm \(tid
Leave, and let the session run:
.Fl \-attach
comes back to it.
.It Cm \(tis
Tell how the connection is.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa \(ti/.ssh/config
See
.Xr tssh_config 5 .
.It Pa \(ti/.local/share/tssh , Pa /usr/local/share/tssh , Pa /usr/share/tssh
Where the builds of
.Xr tsshd 8
for other machines are looked for, besides the directory of
.Nm
itself.
.It Pa \(ti/.cache/tssh
On a server: where
.Xr tsshd 8
is put.
.El
.Sh EXIT STATUS
That of the remote command, or 255 if an error occurred.
.Sh SEE ALSO
.Xr ssh 1 ,
.Xr tssh_config 5 ,
.Xr tsshd 8
`)
	return b.String()
}

func manTsshd(date string) string {
	b := mdoc(date, "TSSHD", "8", "tsshd", "far end of tssh")
	b.WriteString(".Sh SYNOPSIS\n")
	all := server.Commands()
	for _, c := range all {
		b.WriteString(".Nm\n.Cm " + text(c.Name) + "\n")
		for _, o := range c.Options {
			b.WriteString(".Op Fl " + flagOf(o) + "\n")
		}
		if c.Args != "" {
			b.WriteString(".Ar " + arg(c.Args) + "\n")
		}
	}
	b.WriteString(".Sh DESCRIPTION\n" + text(server.About) + "\n.Pp\nIts commands:\n.Bl -tag -width Ds\n")
	for _, c := range all {
		b.WriteString(".It Cm " + text(c.Name))
		if c.Args != "" {
			b.WriteString(" Ar " + arg(c.Args))
		}
		b.WriteString("\n" + text(c.Help) + "\n")
		if len(c.Options) == 0 {
			continue
		}
		b.WriteString(".Bl -tag -width Ds\n")
		for _, o := range c.Options {
			b.WriteString(".It Fl " + flagOf(o) + "\n" + text(sentence(o.Help)) + "\n")
		}
		b.WriteString(".El\n")
	}
	b.WriteString(".El\n.Sh SEE ALSO\n.Xr tssh 1 ,\n.Xr sshd_config 5 ,\n.Xr sshd 8\n")
	return b.String()
}

func flagOf(o server.Option) string {
	name, value, _ := strings.Cut(o.Dashed(), " ")
	f := text(strings.TrimPrefix(name, "-"))
	if value != "" {
		f += " Ar " + arg(value)
	}
	return f
}

func manConfig(date string) string {
	b := mdoc(date, "TSSH_CONFIG", "5", "tssh_config", "configuration of tssh")
	b.WriteString(`.Sh DESCRIPTION
.Xr tssh 1
reads the files of
.Xr ssh_config 5 .
Keywords of its own may stand there behind
.Ql #!! ,
which
.Xr ssh 1
takes for a comment:
.Bd -literal -offset indent
Host laptop\-friends
    HostName server.example.com
    #!! UdpMode yes
.Ed
.Pp
On the command line they follow
.Fl o
as all others do.
.Sh KEYWORDS OF OUR OWN
.Bl -tag -width Ds
`)
	for _, k := range cli.Keywords() {
		if k.Verdict != sshconfig.Ours {
			continue
		}
		b.WriteString(".It Cm " + k.Name + "\n" + text(sentence(k.Note)) + "\n")
		if k.Preset != "" {
			b.WriteString("The default is\n.Cm " + text(k.Preset) + " .\n")
		}
	}
	b.WriteString(".El\n.Sh KEYWORDS OF SSH_CONFIG\nAll work as in\n.Xr ssh_config 5 ,\nexcept:\n.Bl -tag -width Ds\n")
	for _, k := range cli.Keywords() {
		if k.Verdict == sshconfig.Ours || k.Note == "" {
			continue
		}
		b.WriteString(".It Cm " + k.Name + "\n" + text(sentence(string(k.Verdict)+": "+k.Note)) + "\n")
	}
	b.WriteString(".El\n.Sh SEE ALSO\n.Xr ssh 1 ,\n.Xr tssh 1 ,\n.Xr ssh_config 5\n")
	return b.String()
}

// sentence begins with a capital and ends with a stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	return strings.TrimSuffix(s, ".") + "."
}

// manuals are the pages by the names of their files.
func manuals(date string) map[string]string {
	return map[string]string{
		"man1/tssh.1":        manTssh(date),
		"man5/tssh_config.5": manConfig(date),
		"man8/tsshd.8":       manTsshd(date),
	}
}
