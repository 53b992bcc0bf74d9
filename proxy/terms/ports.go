package terms

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PortList reads Ports, as "61001-61999,7000". None is any free port.
func (o *Offer) PortList() ([]int, error) {
	s := o.Ports
	if s == "" {
		return nil, nil
	}
	var ports []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || from == 0 || from > to {
			return nil, fmt.Errorf("ports %q: not of the form 61001-61999,7000", s)
		}
		if len(ports)+int(to-from) > 1<<16 {
			return nil, errors.New("too many ports")
		}
		for p := from; p <= to; p++ {
			ports = append(ports, int(p))
		}
	}
	return ports, nil
}
