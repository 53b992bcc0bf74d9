// Package owner says whose a file is.
package owner

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Rights to a file's content. Who may change its list or its owner may have all.
const (
	writes = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.WRITE_DAC | windows.WRITE_OWNER |
		windows.GENERIC_WRITE | windows.GENERIC_ALL
	reads = windows.FILE_READ_DATA | windows.GENERIC_READ
)

// Only reports whether none but the user, administrators and the system may
// write a file. Whoever else could would choose our commands. Groups of one's
// own are not known here.
func Only(f *os.File, _ bool) bool {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return true // of a file system without owners
	}
	return limited(sd, writes)
}

// Exposed reports whether others than these may read the file of a private key,
// or write it.
func Exposed(file string) bool {
	sd, err := windows.GetNamedSecurityInfo(file, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	return err == nil && !limited(sd, reads|writes)
}

// limited reports whether a file belongs to the user, administrators or the
// system, and its list gives nobody else one of these rights.
func limited(sd *windows.SECURITY_DESCRIPTOR, rights windows.ACCESS_MASK) bool {
	trusted := trusted()
	owner, _, err := sd.Owner()
	if err != nil || owner == nil || !trusted(owner) {
		return false
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil { // no list: everybody may do everything
		return false
	}
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if windows.GetAce(list, i, &entry) != nil {
			return false
		}
		if entry.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || entry.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		who := (*windows.SID)(unsafe.Pointer(&entry.SidStart))
		if entry.Mask&rights != 0 && !trusted(who) {
			return false
		}
	}
	return true
}

// trusted returns what tells those whom OpenSSH for Windows trusts too.
func trusted() func(*windows.SID) bool {
	var user *windows.SID
	if u, err := windows.GetCurrentProcessToken().GetTokenUser(); err == nil {
		user = u.User.Sid
	}
	return func(s *windows.SID) bool {
		return s.IsWellKnown(windows.WinBuiltinAdministratorsSid) || s.IsWellKnown(windows.WinLocalSystemSid) ||
			s.IsWellKnown(windows.WinCreatorOwnerRightsSid) || user != nil && s.Equals(user)
	}
}
