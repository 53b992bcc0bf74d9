package session

import "testing"

func TestShellLine(t *testing.T) {
	for _, c := range []struct{ shell, command, want string }{
		{`C:\Windows\System32\cmd.exe`, `"C:\Program Files\x.exe" "a b"`, `"C:\Windows\System32\cmd.exe" /s /c ""C:\Program Files\x.exe" "a b""`},
		{`C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`, `echo "a  b"`, `"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoLogo -Command "echo \"a  b\""`},
		{`C:\Program Files\PowerShell\7\PWSH.EXE`, `dir`, `"C:\Program Files\PowerShell\7\PWSH.EXE" -NoLogo -Command dir`},
		{`C:\Program Files\Git\bin\bash.exe`, `echo 'a b'`, `"C:\Program Files\Git\bin\bash.exe" -c "echo 'a b'"`},
	} {
		if got := shellLine(c.shell, c.command); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.command, got, c.want)
		}
	}
}
