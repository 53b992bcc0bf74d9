package server

import (
	"io"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"tssh/server/policy"
)

func TestDaemonInTitle(t *testing.T) {
	usual := policy.SystemFile()
	for title, want := range map[string]*daemon{
		"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups":                              {file: usual},
		"sshd: /usr/sbin/sshd -D -f /x/y [listener] 1 of 10-100 startups":                      {file: "/x/y"},
		"sshd: /usr/sbin/sshd -Def /x [listener] 0 of 10-100 startups":                         {file: "/x"},
		"sshd: /usr/sbin/sshd -f/x -p22 -E /log -oPermitTTY=no [listener] 0 of 10":             {file: "/x", lines: []string{"PermitTTY=no"}},
		"sshd: /usr/sbin/sshd -o PermitOpen a:1 b:2 -o X11Forwarding no -D [listener] 0 of 10": {file: usual, lines: []string{"PermitOpen a:1 b:2", "X11Forwarding no"}},
		"sshd: /usr/sbin/sshd -o [listener] 0 of 10":                                           {file: usual, lines: []string{""}},
		"sshd: alice [priv]":                 nil,
		"sshd-session: alice [priv]":         nil, // of 9.8 and later
		"sshd-session: alice@pts/0":          nil,
		"sshd-auth: alice [net]":             nil,
		"sshd: sshd [priv]":                  nil,
		"sshd: sshd@pts/0":                   nil,
		"/usr/sbin/sshd -D":                  nil, // it would have a title
		"bash -c sh -c tsshd":                nil,
		"":                                   nil,
		"sudo -n /usr/sbin/sshd -i -f /x":    {file: "/x"},
		"sh -c sudo sshd -i -f \"/x\"; true": {file: "/x"},
		"socat TCP-LISTEN:22,fork EXEC:/usr/sbin/sshd -ief /x":  {file: "/x"},
		"sudo env A=b /opt/sshd-logged.sh -i -f /x":             {file: "/x"},
		"sh /x/sshd-log.sh /x/sshd.log /usr/sbin/sshd -i -f /x": {file: "/x"},
		"tcpserver 0 22 /usr/sbin/sshd -i":                      {file: usual},
		"vi /usr/sbin/sshd":                                     nil,
	} {
		got, ok := ancestor{title: title}.daemon()
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, *want) {
			t.Errorf("%s: %+v, %v", title, got, ok)
		}
	}
}

// TestDaemonOfNobody: without an sshd above us the configuration is the usual one.
func TestDaemonOfNobody(t *testing.T) {
	if d := findDaemon(1 << 30); !reflect.DeepEqual(d, daemon{file: policy.SystemFile()}) {
		t.Errorf("%+v", d)
	}
}

// TestDaemonsFileIsRelative to where sshd was started, not to where we are.
func TestDaemonsFileIsRelative(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("cat")
	cmd.Env, cmd.Dir = []string{"PWD=/srv/ssh"}, "/"
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	// Its environment is empty until the kernel has laid it out, after Start.
	io.WriteString(in, "x")
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"conf": "/srv/ssh/conf", "../conf": "/srv/conf"} {
		if got, unknown := whole(cmd.Process.Pid, file); got != want || unknown != "" {
			t.Errorf("%s is %s, not %s; %q is not known", file, got, want, unknown)
		}
	}
	if got, unknown := whole(0, "conf"); got != "/conf" || unknown != "conf" {
		t.Errorf("of a process that can't be seen: %s, %q", got, unknown)
	}
}
