package nss

import (
	"strings"

	"golang.org/x/sys/windows"
)

// Groups are the names of the groups that this process is in, as OpenSSH for Windows
// has them: those of the system and of this machine alone, others behind their
// domain, all in small letters.
func Groups() []string {
	groups, err := windows.GetCurrentProcessToken().GetTokenGroups()
	if err != nil {
		return nil
	}
	here, _ := windows.ComputerName()
	var names []string
	for _, g := range groups.AllGroups() {
		const builtin, domains = 32, 21 // SECURITY_BUILTIN_DOMAIN_RID, SECURITY_NT_NON_UNIQUE
		if g.Attributes&windows.SE_GROUP_ENABLED == 0 || g.Sid.IdentifierAuthority() != windows.SECURITY_NT_AUTHORITY || g.Sid.SubAuthorityCount() == 0 {
			continue
		}
		kind := g.Sid.SubAuthority(0)
		if kind != builtin && kind != domains {
			continue
		}
		if g.Sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
			names = append(names, "administrators") // the default configuration's, whatever the language
		}
		name, domain, _, err := g.Sid.LookupAccount("")
		if err != nil {
			continue
		}
		if kind != builtin && !strings.EqualFold(domain, here) {
			name = domain + `\` + name
		}
		names = append(names, strings.ToLower(name))
	}
	return names
}
