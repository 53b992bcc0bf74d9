package policy

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWindowsAdministrators: the configuration that OpenSSH comes with keeps their
// keys in a place of their own.
func TestWindowsAdministrators(t *testing.T) {
	dir, err := os.MkdirTemp("", "tssh-policy-") // t.TempDir insists on removing it, which wine can't
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	t.Setenv("ProgramData", dir)
	config := filepath.Join(dir, "ssh", "sshd_config")
	if err := os.Mkdir(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "AuthorizedKeysFile\t.ssh/authorized_keys\r\nMatch Group Administrators\r\n       AuthorizedKeysFile __PROGRAMDATA__/ssh/administrators_authorized_keys\r\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ group, want string }{
		{"administrators", filepath.Join(dir, "ssh", "administrators_authorized_keys")},
		{"users", `C:\Users\a\.ssh\authorized_keys`},
	} {
		who := Login{User: "a", Home: `C:\Users\a`, Groups: func() []string { return []string{c.group} }}
		p, err := Load(SystemFile(), who)
		if err != nil || len(p.keyFiles) != 1 || filepath.Clean(who.expand(p.keyFiles[0])) != c.want {
			t.Errorf("%s: %v, %v; want %s", c.group, p.keyFiles, err, c.want)
		}
	}
}
