package memory

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Trim gives back the pages of the program that only its start needed. A page that
// nobody has written to, such as by relocating it, comes again from the file when it is
// used.
func Trim() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var from, to uintptr
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		first, rest, _ := strings.Cut(lines.Text(), " ")
		switch {
		case !strings.HasSuffix(first, ":"): // the first line of a mapping's
			from, to = 0, 0
			if strings.Contains(rest, " /") && rest[1] != 'w' {
				fmt.Sscanf(first, "%x-%x", &from, &to)
			}
		case first != "Anonymous:" && first != "Swap:": // pages that were written to, here and swapped out
		case strings.TrimLeft(rest, " ") != "0 kB":
			from, to = 0, 0
		case first == "Swap:" && to > from: // which comes after the other
			unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
