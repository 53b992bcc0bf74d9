package server

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// systemShell is the shell of every account, as OpenSSH for Windows has it: the
// registry's DefaultShell, else cmd.exe.
func systemShell() string {
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\OpenSSH`, registry.QUERY_VALUE|registry.WOW64_64KEY); err == nil {
		defer k.Close()
		shell, kind, err := k.GetStringValue("DefaultShell")
		if err == nil && kind == registry.EXPAND_SZ {
			shell, err = registry.ExpandString(shell)
		}
		if err == nil && filepath.IsAbs(shell) {
			return shell
		}
	}
	return os.Getenv("ComSpec")
}
