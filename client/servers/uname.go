package servers

// Unames are the answers of "uname -sm" on the systems that a build for goos and
// goarch runs on; none where there is no uname. It is the kernel that counts: our
// programs are static, so those of 64 bits run beside programs of 32.
//
// Linux says mips64 for both orders of bytes; boot.sh looks for itself, and says
// mips64el for the little end.
func Unames(goos, goarch string) []string {
	kernel := map[string]string{
		"linux": "Linux", "darwin": "Darwin", "freebsd": "FreeBSD", "openbsd": "OpenBSD", "netbsd": "NetBSD", "dragonfly": "DragonFly",
	}[goos]
	if kernel == "" {
		return nil
	}
	var machines []string
	switch goarch {
	case "amd64":
		machines = []string{"x86_64", "amd64"}
	case "arm64":
		machines = []string{"aarch64", "arm64"}
	case "386":
		machines = []string{"i386", "i486", "i586", "i686"}
	case "arm":
		// armv8l is a program of 32 bits on a kernel of 64.
		machines = []string{"armv6l", "armv7l", "armv8l"}
	case "loong64":
		machines = []string{"loongarch64"}
	case "mips64le":
		machines = []string{"mips64el"}
	default:
		machines = []string{goarch}
	}
	var all []string
	for _, m := range machines {
		all = append(all, kernel+" "+m)
	}
	return all
}
